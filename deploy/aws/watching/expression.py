"""Metric math: what the template's alarms and dashboard use of it, and nothing else.

A value is missing where one of its parts is; FILL puts something there, for every window that is looked at.
"""

import re

from .refused import Refused

TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>>=|<=|==|!=|&&|\|\||[-+*/()<>,]))")
LOWEST_FIRST = (("OR", "||"), ("AND", "&&"), ("==", "!=", ">=", "<=", ">", "<"), ("+", "-"), ("*", "/"))
MINUTES_A_DAY = 1440


def parse(text):
    """The expression as nested tuples."""
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if not match:
            raise Refused(f"{text[at:]!r} is not understood")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    reader = _Reader([*tokens, ("end", "")])
    tree = reader.operation(0)
    reader.expect("")
    return tree


def names(tree):
    """The series that an expression asks for."""
    kind, *parts = tree
    if kind == "name":
        return {parts[0]}
    return set().union(*(names(part) for part in parts if isinstance(part, tuple)), set())


class _Reader:
    def __init__(self, tokens):
        self.tokens, self.at = tokens, 0

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, sign):
        found = self.take()[1]
        if found != sign:
            raise Refused(f"{found!r} stands where {sign!r} belongs")

    def operation(self, level):
        if level == len(LOWEST_FIRST):
            return self.operand()
        left = self.operation(level + 1)
        while self.tokens[self.at][1] in LOWEST_FIRST[level]:
            sign = {"||": "OR", "&&": "AND"}.get(self.tokens[self.at][1], self.tokens[self.at][1])
            self.at += 1
            left = (sign, left, self.operation(level + 1))
        return left

    def operand(self):
        kind, text = self.take()
        if kind == "number":
            return "number", float(text)
        if text == "(":
            inner = self.operation(0)
            self.expect(")")
            return inner
        if kind != "name":
            raise Refused(f"{text!r} stands where a value belongs")
        if self.tokens[self.at][1] != "(":
            return "name", text
        return self.call(text)

    def call(self, function):
        self.expect("(")
        arguments = [self.operation(0)]
        while self.tokens[self.at][1] == ",":
            self.at += 1
            arguments.append(self.operation(0))
        self.expect(")")
        if function not in ARGUMENTS:
            raise Refused(f"a function nobody taught this: {function}")
        if len(arguments) != ARGUMENTS[function]:
            raise Refused(f"{function} takes {ARGUMENTS[function]} arguments")
        return (function, *arguments)


ARGUMENTS = {"IF": 3, "FILL": 2, "HOUR": 1, "DAY": 1}

COMPUTE = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    # CloudWatch has no data point where it divides by zero.
    "/": lambda left, right: left / right if right else None,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    ">=": lambda left, right: float(left >= right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    "<": lambda left, right: float(left < right),
    "AND": lambda left, right: float(bool(left) and bool(right)),
    "OR": lambda left, right: float(bool(left) or bool(right)),
}


def compute(tree, series, end, period_minutes, first_day):
    """The expression's value for the window that ends with minute `end`. Its time is that of the window's start.

    `first_day` is the weekday of minute 0, 1 for Monday.
    """
    kind = tree[0]
    if kind == "number":
        return tree[1]
    if kind == "name":
        if tree[1] not in series:
            raise Refused(f"there is no {tree[1]}")
        return series[tree[1]][end]
    first = compute(tree[1], series, end, period_minutes, first_day)
    if kind == "FILL":
        return compute(tree[2], series, end, period_minutes, first_day) if first is None else first
    if first is None:
        return None
    start = end - period_minutes
    if kind == "HOUR":
        return start % MINUTES_A_DAY // 60
    if kind == "DAY":
        return (first_day - 1 + start // MINUTES_A_DAY) % 7 + 1
    if kind == "IF":
        return compute(tree[2] if first else tree[3], series, end, period_minutes, first_day)
    second = compute(tree[2], series, end, period_minutes, first_day)
    return None if second is None else COMPUTE[kind](first, second)
