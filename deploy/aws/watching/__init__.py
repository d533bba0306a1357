"""What CloudWatch would make of the template's alarms, computed: no AWS account ever evaluates them while it is tested.

`resolve` puts parameters into the template, `series` holds metrics, `expression` is metric math, `alarm` and `composite`
decide on states, `day` is a week of a shop with everything that can go wrong in it, and `verdict` compares.
"""
