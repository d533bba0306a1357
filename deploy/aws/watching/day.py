"""A shop's five days: a weekend without mail, a good Monday full of near misses, a bad Tuesday, and Wednesday, by which
everything is over.

Minute 0 is Saturday 00:00 UTC. A near miss lies exactly on a threshold, or lasts one period too short; an incident is
the least that must ring. So a threshold, an operator, a period or a statistic that changes is seen from one side or the
other. An incident says which alarm must ring from when at the latest, until when it must hold, and when it must be over.
"""

from typing import NamedTuple

from .series import Metrics, key

SATURDAY = 6
HOUR, DAY = 60, 1440
SUNDAY, MONDAY, TUESDAY, WEDNESDAY = DAY, 2 * DAY, 3 * DAY, 4 * DAY
MINUTES = 5 * DAY

FUNCTIONS = {"Dispatch": 120_000, "Feedback": 60_000, "Api": 30_000, "Cost": 60_000, "Sweep": 120_000}
# What these rely on in business hours, which environments may change: the alarm of silence is about Tuesday.
MAILS_A_MINUTE = 1_000


class Ring(NamedTuple):
    """What an incident does to an alarm."""

    alarm: str
    cause: str
    begins: int
    rings_by: int
    holds_until: int
    over_by: int


class Week:
    """The metrics, and what must ring."""

    def __init__(self, resolver):
        self.resolver = resolver
        self.metrics = Metrics(MINUTES)
        self.rings = []
        self._ordinary()
        self._near_misses()
        for incident in INCIDENTS:
            incident(self)

    # What puts metrics, under the names that the program and AWS use.

    def own(self, name, minute, *values):
        """A metric of the program's."""
        self.metrics.put(self.own_key(name), minute, *values)

    def own_key(self, name):
        """Its series: the environment's namespace, no dimensions."""
        return key(f"Postrider/{self.resolver.parameters['Environment']}", name, {})

    def function(self, name, metric, minute, *values):
        """A metric of a function, which Lambda publishes for the function and for its alias."""
        called = self.resolver.name(f"{name}Function")
        self.metrics.put(key("AWS/Lambda", metric, {"FunctionName": called}), minute, *values)
        both = {"FunctionName": called, "Resource": f"{called}:live"}
        self.metrics.put(key("AWS/Lambda", metric, both), minute, *values)

    def queue(self, logical, metric, first, last, value):
        """A metric of a queue, every minute."""
        series = key("AWS/SQS", metric, {"QueueName": self.resolver.name(logical)})
        for minute in range(first, last):
            self.metrics.put(series, minute, value)

    def table(self, metric, minute, value):
        """A metric of the table."""
        used = self.resolver.parameters["LedgerTableName"] or self.resolver.name("LedgerTable")
        self.metrics.put(key("AWS/DynamoDB", metric, {"TableName": used}), minute, value)

    def reputation(self, name, minute, value):
        """What SES holds against the account."""
        self.metrics.put(key("AWS/SES", f"Reputation.{name}", {}), minute, value)

    def rings_for(self, alarm, cause, begins, rings_by, holds_until, over_by):
        """Says what must ring."""
        self.rings.append(Ring(alarm, cause, begins, rings_by, holds_until, over_by))

    # What is so every day.

    def _ordinary(self):
        for minute in range(SUNDAY, MINUTES):
            if minute < MONDAY:
                self._sunday(minute)
            else:
                self._weekday(minute)
        for minute in range(MINUTES):
            for name in FUNCTIONS:
                if name != "Cost" or minute % HOUR == 5:
                    self.function(name, "Invocations", minute, 1)
                    self.function(name, "Errors", minute, 0)
                    self.function(name, "Throttles", minute, 0)
                    self.function(name, "Duration", minute, 900)
            self.own("QueueAge", minute, 2)
            if minute % HOUR == 5:
                budget = float(self.resolver.parameters["MonthlyBudgetUsd"])
                is_tuesday_night = TUESDAY + 20 * HOUR <= minute < WEDNESDAY + 4 * HOUR
                if not is_tuesday_night:
                    self.own("EstimatedCostUsd", minute, budget)
                    self.own("CostPerEmailUsd", minute, 0.0004)
                    self.own("BudgetHold", minute, 0)
        for queue in ("OrderQueue", "FeedbackQueue"):
            self.queue(queue, "ApproximateAgeOfOldestMessage", 0, MINUTES, 1)
        for hour in range(0, MINUTES, HOUR):
            if not TUESDAY + 11 * HOUR <= hour < TUESDAY + 18 * HOUR:
                self.reputation("BounceRate", hour, 0.05)
                self.reputation("ComplaintRate", hour, 0.001)

    # So few that a rate says nothing: 1 complaint and 5 bounces among 36.
    def _sunday(self, minute):
        if minute % 40 == 0:
            self.own("EmailsSent", minute, 1)
        if minute % 160 == 0 and minute < SUNDAY + 12 * HOUR:
            self.own("Bounces", minute, 1)
        if minute == SUNDAY + HOUR * 12:
            self.own("Complaints", minute, 1)

    # Two of a hundred bounce and 0.9 of a thousand complain: as much as may be.
    def _weekday(self, minute):
        if self._nobody_orders(minute):
            return
        self.own("EmailsSent", minute, MAILS_A_MINUTE)
        self.own("Deliveries", minute, MAILS_A_MINUTE - 20)
        self.own("Bounces", minute, bounces(minute))
        if minute % 20 == 19:
            self.own("Complaints", minute, complaints(minute))
        # Six of a hundred wait exactly a minute, and four of a hundred for longer.
        slow = 120_000 if minute % 7 else 60_000
        self.own("SendLatency", minute, *[800] * 94, *[60_000] * 2, *[slow] * 4)

    @staticmethod
    def _nobody_orders(minute):
        is_early = MONDAY + 7 * HOUR + 30 <= minute < MONDAY + 10 * HOUR + 55
        is_evening = MONDAY + 15 * HOUR + 5 <= minute < MONDAY + 18 * HOUR
        # The first that is silence: 3 hours from the opening of the shop.
        is_silence = TUESDAY + 8 * HOUR <= minute < TUESDAY + 11 * HOUR + 10
        return is_early or is_evening or is_silence

    # Monday.

    def _near_misses(self):
        noon = MONDAY + 12 * HOUR
        self.own("SendFailures", noon, 5)
        self.own("SendFailures", noon + 30, 2, 3)
        for minute in range(noon, noon + 6):
            self.own("QueueAge", minute, 4_000)
        for minute in range(noon + HOUR, noon + 2 * HOUR):
            self.own("QueueAge", minute, 1_800)
        for queue, most, more in (("OrderQueue", 900, 5_000), ("FeedbackQueue", 3_600, 9_000)):
            age = "ApproximateAgeOfOldestMessage"
            self.queue(queue, age, noon, noon + 4, more)
            self.queue(queue, age, noon + HOUR, noon + 2 * HOUR, most)
        for name, timeout_ms in FUNCTIONS.items():
            self.function(name, "Duration", noon, timeout_ms * 4 // 5)
            self.function(name, "Throttles", noon, 3)
            self.function(name, "Throttles", noon + 2, 3)
        for minute in (noon, noon + 2):
            self.table("WriteThrottleEvents", minute, 7)
            self.table("ReadThrottleEvents", minute, 7)
        for hour in (noon + HOUR + 5, noon + 2 * HOUR + 5):
            self.own("EstimatedCostUsd", hour, 2 * float(self.resolver.parameters["MonthlyBudgetUsd"]))
        # Nine minutes without a sweep.
        self._no_sweep(noon, noon + 9)

    def _no_sweep(self, first, last):
        called = self.resolver.name("SweepFunction")
        for dimensions in ({"FunctionName": called}, {"FunctionName": called, "Resource": f"{called}:live"}):
            self.metrics.take_back(key("AWS/Lambda", "Invocations", dimensions), first, last)


def bounces(minute):
    """Of a thousand sent within a minute."""
    tuesday = minute - TUESDAY
    if 0 <= tuesday < 8 * HOUR:
        return 21
    if 11 * HOUR <= tuesday < 18 * HOUR:
        return 51
    return 20 if tuesday < 0 else 10


def complaints(minute):
    """Of twenty thousand sent within twenty minutes."""
    if TUESDAY + 12 * HOUR <= minute < TUESDAY + 18 * HOUR:
        return 40
    return 18 if minute < TUESDAY + 12 * HOUR else 0


# Tuesday.


def bounce_wave(week):
    """2.1 % all night, then 5.1 % for seven hours."""
    week.rings_for(
        "BounceRateWarningAlarm", "2.1 % bounce", TUESDAY, TUESDAY + 6 * HOUR, TUESDAY + 18 * HOUR, WEDNESDAY + HOUR
    )
    afternoon = TUESDAY + 11 * HOUR
    # As long as the night's 2.1 % count among the six hours, these are not above 5 %.
    begins, rings_by = afternoon + 2 * HOUR + 30, afternoon + 3 * HOUR + 10
    week.rings_for("BounceRateCriticalAlarm", "5.1 % bounce", begins, rings_by, TUESDAY + 18 * HOUR, WEDNESDAY + HOUR)


def complaint_wave(week):
    """Two of a thousand complain, for six hours."""
    noon = TUESDAY + 12 * HOUR
    rings_by, holds_until = noon + 3 * HOUR, noon + 6 * HOUR
    week.rings_for("ComplaintRateAlarm", "complaints", noon + HOUR, rings_by, holds_until, WEDNESDAY + 19 * HOUR)


def account_reputation(week):
    """SES counts just too much, then says nothing for six hours, then all is well."""
    begins, told = TUESDAY + 11 * HOUR, TUESDAY + 18 * HOUR
    for alarm, name, high in (
        ("AccountBounceRateAlarm", "BounceRate", 0.0501),
        ("AccountComplaintRateAlarm", "ComplaintRate", 0.00101),
    ):
        week.reputation(name, begins, high)
        week.rings_for(alarm, "reputation", begins, begins + 2, told, told + 2)


def ses_outage(week):
    """SES refuses: failures, one unknown outcome, everything late, the ledger's queue grows."""
    at = TUESDAY + 13 * HOUR
    week.own("SendFailures", at, 6)
    week.rings_for("SendFailuresAlarm", "SES refuses six", at, at + 1, at + 5, at + 16)
    week.own("Unknown", at, 1)
    week.rings_for("UnknownOutcomesAlarm", "a lost connection", at, at + 1, at + 15, at + 46)
    for minute in range(at, at + 20):
        week.own("SendLatency", minute, *[60_001] * 8)
        week.own("QueueAge", minute, 1_801)
    week.rings_for("SendLatencyAlarm", "mail is late", at, at + 16, at + 20, at + 36)
    week.rings_for("LedgerQueueAgeAlarm", "due mail waits", at, at + 16, at + 20, at + 36)


def poison(week):
    """An event that is none: a dead letter, seen in the queue until somebody moves it."""
    at = TUESDAY + 14 * HOUR
    week.own("DeadLetters", at, 1)
    week.rings_for("DeadLettersAlarm", "poison", at, at + 1, at + 5, at + 16)
    dead = ("OrderDlq", "OrderDeliveryDlq", "FeedbackDlq", "FeedbackDeliveryDlq", "ScheduleDlq")
    for number, queue in enumerate(dead):
        first = at + 30 * number
        week.queue(queue, "ApproximateNumberOfMessagesVisible", first, first + 20, 1)
        # Emptied; a queue that nobody uses says nothing after some hours.
        week.queue(queue, "ApproximateNumberOfMessagesVisible", first + 20, first + 6 * HOUR, 0)
        week.rings_for(f"{queue}Alarm", "a dead letter", first, first + 1, first + 20, first + 22)


def stuck_queues(week):
    """Nobody takes from the queues."""
    for number, (queue, age) in enumerate((("OrderQueue", 901), ("FeedbackQueue", 3_601))):
        at = TUESDAY + 15 * HOUR + 30 * number
        week.queue(queue, "ApproximateAgeOfOldestMessage", at, at + 10, age)
        week.rings_for(f"{queue}AgeAlarm", "a stuck queue", at, at + 5, at + 10, at + 12)


def functions_in_trouble(week):
    """Each fails once, is slow once, and is throttled in three of five minutes, one function after the other."""
    for number, (name, timeout_ms) in enumerate(FUNCTIONS.items()):
        at = TUESDAY + 3 * HOUR + 45 * number
        week.function(name, "Errors", at, 1)
        week.function(name, "Duration", at, timeout_ms * 4 // 5 + 1)
        # A function that runs once an hour says nothing in between, and older data keep the alarm for two periods.
        week.rings_for(f"{name}ErrorsAlarm", "an error", at, at + 1, at + 5, at + 16)
        week.rings_for(f"{name}DurationAlarm", "near its time-out", at, at + 1, at + 5, at + 16)
        for minute in (at, at + 2, at + 4):
            week.function(name, "Throttles", minute, 1)
        week.rings_for(f"{name}ThrottlesAlarm", "throttled", at, at + 5, at + 5, at + 12)


def slow_ledger(week):
    """Writes are throttled in three of five minutes, later reads."""
    for at, metric in ((TUESDAY + 9 * HOUR, "WriteThrottleEvents"), (TUESDAY + 10 * HOUR, "ReadThrottleEvents")):
        for minute in (at, at + 2, at + 4):
            week.table(metric, minute, 1)
        week.rings_for("LedgerThrottlesAlarm", metric, at, at + 5, at + 5, at + 8)


def api_fault(week):
    """One answer of 5xx."""
    at = TUESDAY + 16 * HOUR
    api = week.resolver.name("HttpApi")
    week.metrics.put(key("AWS/ApiGateway", "5xx", {"ApiId": api, "Stage": "$default"}), at, 1)
    week.rings_for("ApiFaultsAlarm", "a 5xx", at, at + 1, at + 5, at + 16)


def no_sweep(week):
    """Ten minutes without a run."""
    at = TUESDAY + 17 * HOUR
    week._no_sweep(at, at + 11)
    week.rings_for("SweepSilentAlarm", "the schedule is off", at, at + 11, at + 11, at + 12)


def too_dear(week):
    """A month would cost a hundredth too much, for three hours; then nothing is known for some."""
    budget = float(week.resolver.parameters["MonthlyBudgetUsd"])
    at = TUESDAY + 20 * HOUR + 5
    for hour in range(3):
        week.own("EstimatedCostUsd", at + HOUR * hour, budget * 1.01)
    known = WEDNESDAY + 4 * HOUR + 5
    # Three good hours must be seen again.
    week.rings_for("SpendForecastAlarm", "a loop", at, at + 2 * HOUR + 1, known, known + 3 * HOUR)


def hard_budget(week):
    """What comes in is held for two hours, until somebody lets it go."""
    at = WEDNESDAY + 15 * HOUR + 5
    for hour in range(2):
        week.own("BudgetHold", at + HOUR * hour, 1)
    released = at + 2 * HOUR
    week.rings_for("BudgetHoldAlarm", "the month's money is spent", at, at + 1, released, released + 1)


def silence(week):
    """Nobody orders for three hours of business. Where the alarm waits longer than business lasts it never rings."""
    given = week.resolver.parameters
    begins, ends, hours = (int(given[name]) for name in ("BusinessHoursStartUtc", "BusinessHoursEndUtc", "SilenceHours"))
    if hours == 3 and (begins, ends) == (8, 18):
        at = TUESDAY + 8 * HOUR
        week.rings_for("SilenceAlarm", "no orders", at, at + 3 * HOUR, at + 3 * HOUR + 10, at + 3 * HOUR + 12)
    elif hours <= ends - begins:
        raise ValueError("the simulated days know silence of 3 hours between 8 and 18 only, or none at all")


INCIDENTS = (
    bounce_wave,
    complaint_wave,
    account_reputation,
    ses_outage,
    poison,
    stuck_queues,
    functions_in_trouble,
    slow_ledger,
    api_fault,
    no_sweep,
    too_dear,
    hard_budget,
    silence,
)
