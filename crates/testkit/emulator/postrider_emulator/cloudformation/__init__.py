"""CloudFormation: templates are deployed into this emulator's own services, strictly.

moto's engine skips resource types it does not know, drops properties, and checks no parameter. Here whatever is not
understood fails the deployment, and every property is read back from its service after it was applied.

`template.py` reads a template, `parameters.py` holds values to their constraints, `intrinsics.py` resolves functions,
`graph.py` orders resources, `aws.py` calls the services, `shape.py` compares what was wanted with what is there,
`kinds/` has a class for each resource type, `stack.py` is a stack's way through its states, `api.py` the API.
"""
