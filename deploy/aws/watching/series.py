"""Metrics by the minute, and their statistics over the windows that alarms look at.

A statistic is computed once for every minute: the window that ends there, as CloudWatch moves it along each minute.
"""

import itertools
import math
from collections import deque

from .refused import Refused


def key(namespace, name, dimensions):
    """What names one series: CloudWatch knows metrics by these three together."""
    return namespace, name, frozenset(dimensions.items())


class Metrics:
    """What was put, from minute 0 to `minutes`."""

    def __init__(self, minutes):
        self.minutes = minutes
        self._values = {}
        self._computed = {}

    def put(self, series, minute, *values):
        """Adds values of one minute."""
        self._values.setdefault(series, {}).setdefault(minute, []).extend(values)

    def take_back(self, series, first, last):
        """Removes what was put in the minutes from `first` up to and without `last`."""
        there = self._values.get(series, {})
        for minute in [one for one in there if first <= one < last]:
            del there[minute]

    def windows(self, series, statistic, period_secs):
        """For each minute the statistic of the window that ends with it, None where it holds nothing."""
        wanted = series, statistic, period_secs
        if wanted not in self._computed:
            minutes, rest = divmod(period_secs, 60)
            if rest:
                raise Refused(f"a period of {period_secs} s")
            self._computed[wanted] = self._compute(self._values.get(series, {}), statistic, minutes)
        return self._computed[wanted]

    def _compute(self, values, statistic, minutes):
        if not values:
            return [None] * (self.minutes + 1)
        if statistic == "Sum":
            return self._sums(values, minutes)
        if statistic == "Maximum":
            return self._maxima(values, minutes)
        if statistic.startswith("p") and statistic[1:].replace(".", "", 1).isdigit():
            return self._percentiles(values, minutes, float(statistic[1:]))
        raise Refused(statistic)

    def _sums(self, values, minutes):
        each = [values.get(minute, ()) for minute in range(self.minutes)]
        sums = [0, *itertools.accumulate(sum(one) for one in each)]
        counts = [0, *itertools.accumulate(len(one) for one in each)]
        return [
            sums[end] - sums[max(0, end - minutes)] if counts[end] > counts[max(0, end - minutes)] else None
            for end in range(self.minutes + 1)
        ]

    def _maxima(self, values, minutes):
        found, candidates = [None], deque()
        for minute in range(self.minutes):
            if minute in values:
                highest = max(values[minute])
                while candidates and candidates[-1][1] <= highest:
                    candidates.pop()
                candidates.append((minute, highest))
            while candidates and candidates[0][0] <= minute - minutes:
                candidates.popleft()
            found.append(candidates[0][1] if candidates else None)
        return found

    def _percentiles(self, values, minutes, percent):
        found = [None]
        for end in range(1, self.minutes + 1):
            inside = sorted(
                value for minute in range(max(0, end - minutes), end) for value in values.get(minute, ())
            )
            # The smallest value that is not below so many of a hundred.
            found.append(inside[max(0, math.ceil(len(inside) * percent / 100) - 1)] if inside else None)
        return found
