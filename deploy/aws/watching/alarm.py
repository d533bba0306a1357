"""When an alarm rings: periods, data points and missing data, as CloudWatch documents them.

Source: Amazon CloudWatch User Guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data". An
alarm is looked at every minute (every hour if it looks back further than a day), each time at the windows that end then.
CloudWatch fetches some windows more than it needs. As long as as many as it needs hold data, what is missing does not
matter and older data decide; the guide's examples fetch two more, and so does this.
"""

from . import expression
from .refused import Refused
from .series import key

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
FETCHED_MORE = 2
SECS_A_DAY = 86_400

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
COMPARE = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def state(points, needed, to_alarm, missing, current):
    """The state after looking at `points`: breaching, not breaching or None, the newest last."""
    there = [point for point in points if point is not None]
    if len(there) >= needed:
        return ALARM if sum(there[-needed:]) >= to_alarm else OK
    if missing == "breaching":
        return ALARM if sum(there) + needed - len(there) >= to_alarm else OK
    if missing == "notBreaching" or sum(there) >= to_alarm:
        return ALARM if sum(there) >= to_alarm else OK
    if not there:
        return current if missing == "ignore" else INSUFFICIENT_DATA
    if not all(there):
        return OK
    # Everything that is known breaches, and it is not enough.
    age = len(points) - points.index(True)
    return ALARM if missing == "missing" and age >= to_alarm else current


class Alarm:
    """An alarm of one metric or of metric math, its properties resolved."""

    def __init__(self, properties):
        self.compare = _known(COMPARE, properties["ComparisonOperator"])
        self.threshold = float(properties["Threshold"])
        self.needed = int(properties["EvaluationPeriods"])
        self.to_alarm = int(properties.get("DatapointsToAlarm", self.needed))
        self.missing = _known(TREATMENTS, properties.get("TreatMissingData", "missing"))
        if "Metrics" in properties:
            queries = {query["Id"]: query for query in properties["Metrics"]}
            returned = [name for name, query in queries.items() if query.get("ReturnData", True) is not False]
            if len(returned) != 1:
                raise Refused(f"looks at {len(returned)} results")
            self.queries, self.returned = queries, returned[0]
        else:
            stat = properties.get("Statistic") or properties["ExtendedStatistic"]
            metric = {name: properties[name] for name in ("Namespace", "MetricName", "Dimensions") if name in properties}
            self.queries = {"m": {"MetricStat": {"Stat": stat, "Period": properties["Period"], "Metric": metric}}}
            self.returned = "m"
        self.stats = {name: query["MetricStat"] for name, query in self.queries.items() if "MetricStat" in query}
        # Without metrics an expression has no time of its own.
        periods = {int(stat["Period"]) for stat in self.stats.values()}
        if len(periods) != 1:
            raise Refused(f"its metrics have {len(periods)} periods")
        self.period_secs = periods.pop()
        # Whatever is declared: so CloudWatch says of all alarms on this namespace.
        if any(stat["Metric"]["Namespace"] == "AWS/DynamoDB" for stat in self.stats.values()):
            self.missing = "ignore"

    def states(self, metrics, first_day):
        """The state after each minute."""
        values = self.values(metrics, first_day)
        points = [None if value is None else self.compare(value, self.threshold) for value in values]
        step = self.period_secs // 60
        fetched = self.needed + FETCHED_MORE
        pause = 60 if self.needed * self.period_secs > SECS_A_DAY else 1
        found, current = [], INSUFFICIENT_DATA
        for end in range(len(points)):
            if end % pause == 0:
                ends = range(end - (fetched - 1) * step, end + 1, step)
                seen = [points[one] if one >= step else None for one in ends]
                current = state(seen, self.needed, self.to_alarm, self.missing, current)
            found.append(current)
        return found

    def values(self, metrics, first_day):
        """What the alarm looks at, for the window that ends with each minute."""
        series = {
            name: metrics.windows(_series_of(stat["Metric"]), stat["Stat"], self.period_secs)
            for name, stat in self.stats.items()
        }
        if self.returned in series:
            return series[self.returned]
        tree = expression.parse(self.queries[self.returned]["Expression"])
        minutes = self.period_secs // 60
        return [expression.compute(tree, series, end, minutes, first_day) for end in range(metrics.minutes + 1)]


def _series_of(metric):
    dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
    return key(metric["Namespace"], metric["MetricName"], dimensions)


def _known(table, name):
    if name not in table:
        raise Refused(f"{name} is not known")
    return table[name] if isinstance(table, dict) else name
