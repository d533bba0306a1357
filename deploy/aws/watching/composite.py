"""Rules of composite alarms."""

import re

from .refused import Refused

WORDS = "ALARM|OK|INSUFFICIENT_DATA|AND|OR|NOT|TRUE|FALSE"
TOKEN = re.compile(rf'\s*(?:(?P<word>{WORDS})\b|"(?P<name>[^"]+)"|(?P<sign>[()]))')


def members(rule):
    """The names of the alarms that a rule asks for."""
    return set(re.findall(r'"([^"]+)"', rule))


def rings(rule, states):
    """Whether `rule` holds where alarms, by name, have these states."""
    tokens, at = [], 0
    while rule[at:].strip():
        match = TOKEN.match(rule, at)
        if not match:
            raise Refused(f"{rule[at:]!r} is not understood")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    tokens.append(("end", ""))
    answer, rest = _either(tokens, states)
    if rest[0][0] != "end":
        raise Refused(f"{rest[0][1]!r} stands where the rule ends")
    return answer


def _either(tokens, states):
    answer, tokens = _both(tokens, states)
    while tokens[0] == ("word", "OR"):
        other, tokens = _both(tokens[1:], states)
        answer = answer or other
    return answer, tokens


def _both(tokens, states):
    answer, tokens = _one(tokens, states)
    while tokens[0] == ("word", "AND"):
        other, tokens = _one(tokens[1:], states)
        answer = answer and other
    return answer, tokens


def _one(tokens, states):
    (kind, text), rest = tokens[0], tokens[1:]
    if (kind, text) == ("word", "NOT"):
        answer, rest = _one(rest, states)
        return not answer, rest
    if (kind, text) == ("sign", "("):
        answer, rest = _either(rest, states)
        return answer, _closed(rest)
    if text in ("TRUE", "FALSE"):
        return text == "TRUE", rest
    if kind == "word" and text in ("ALARM", "OK", "INSUFFICIENT_DATA") and rest[0] == ("sign", "("):
        name_kind, name = rest[1]
        if name_kind != "name":
            raise Refused(f"{text} asks for no alarm")
        if name not in states:
            raise Refused(f"there is no alarm {name}")
        return states[name] == text, _closed(rest[2:])
    raise Refused(f"{text!r} stands where a state belongs")


def _closed(tokens):
    if tokens[0] != ("sign", ")"):
        raise Refused(f"{tokens[0][1]!r} stands where ) belongs")
    return tokens[1:]
