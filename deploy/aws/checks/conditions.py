"""The functions that CloudFormation allows in Rules and Conditions, computed for given parameters."""


def holds(expression, parameters, conditions=None):
    """Whether `expression` is true where the parameters have these values."""
    ((function, arguments),) = expression.items()
    if function == "Condition":
        return holds(conditions[arguments], parameters, conditions)
    if function == "Fn::Equals":
        left, right = (_value(argument, parameters) for argument in arguments)
        return left == right
    if function == "Fn::Not":
        return not holds(arguments[0], parameters, conditions)
    if function == "Fn::And":
        return all(holds(argument, parameters, conditions) for argument in arguments)
    if function == "Fn::Or":
        return any(holds(argument, parameters, conditions) for argument in arguments)
    raise ValueError(f"a function nobody taught the checks: {function}")


def _value(argument, parameters):
    return str(parameters[argument["Ref"]]) if isinstance(argument, dict) else str(argument)
