"""What cannot be evaluated."""


class Refused(Exception):
    """CloudFormation or CloudWatch would not take it, or nobody taught it to this."""
