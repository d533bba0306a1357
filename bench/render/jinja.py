"""Makes the message of a typical order as Python programs do: Jinja2 templates and the e-mail package.

Reads what `cargo bench --bench compose` exports (the same templates and the same order), checks that both render the
same, and prints the CPU time of one message in microseconds: the median of rounds, as JSON.
"""

import datetime
import decimal
import email.message
import email.policy
import email.utils
import json
import statistics
import sys
import time

import jinja2

ROUNDS = 30
MESSAGES_PER_ROUND = 40
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def money(amount, currency):
    return f"{SIGNS[currency]}{decimal.Decimal(str(amount)):,.2f}"


def times(price, quantity):
    return decimal.Decimal(str(price)) * decimal.Decimal(str(quantity))


def number(value):
    return f"{decimal.Decimal(str(value)):,}"


def plural(value):
    return "one" if value == 1 else "other"


def date(timestamp):
    day = datetime.datetime.fromisoformat(timestamp)
    return f"{day:%B} {day.day}, {day.year}"


def environment(autoescape):
    made = jinja2.Environment(
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(money=money, times=times, number=number, plural=plural, date=date)
    return made


class Composer:
    def __init__(self, bundle):
        plain, html = environment(False), environment(True)
        self.subject = plain.from_string(bundle["subject"])
        self.text = plain.from_string(bundle["text"])
        self.html = html.from_string(bundle["html"])
        sender = bundle["from"]
        self.sender = email.utils.formataddr((sender["name"], sender["address"]))
        self.facts = {
            "sender": {"name": sender["name"], "address": sender["address"], "reply_to": sender["address"]},
            "theme": bundle["theme"],
        }

    def render(self, data):
        variables = {**data, **self.facts}
        return {
            "subject": self.subject.render(variables),
            "text": self.text.render(variables),
            "html": self.html.render(variables),
        }

    def compose(self, data):
        rendered = self.render(data)
        message = email.message.EmailMessage(policy=email.policy.SMTP)
        message["Date"] = email.utils.formatdate(0)
        message["From"] = self.sender
        message["To"] = email.utils.formataddr((data["customerName"], data["customerEmail"]))
        message["Subject"] = rendered["subject"]
        message["Message-ID"] = "<ntf_01m83xj880000000000000002d@shop.example.com>"
        message["Content-Language"] = "en"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(rendered["text"])
        message.add_alternative(rendered["html"], subtype="html")
        return message.as_bytes()


def words(text):
    """What a reader sees of a text: escapes that differ and white space left out."""
    return text.replace("&#39;", "'").replace("&#x27;", "'").split()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        exported = json.load(file)
    # An event comes as JSON, and reading it is part of making its message.
    source = json.dumps(exported["data"])
    composer = Composer(exported["bundle"])
    ours = composer.render(json.loads(source))
    for part, theirs in exported["rendered"].items():
        if words(ours[part]) != words(theirs):
            raise SystemExit(f"the {part} differs: this would compare two different messages")
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time_ns()
        for _ in range(MESSAGES_PER_ROUND):
            message = composer.compose(json.loads(source))
        rounds.append((time.process_time_ns() - begun) / MESSAGES_PER_ROUND / 1000)
    result = {
        "microseconds": statistics.median(rounds),
        "htmlBytes": len(ours["html"].encode()),
        "messageBytes": len(message),
        "python": sys.version.split()[0],
        "jinja2": jinja2.__version__,
    }
    json.dump(result, sys.stdout)


main()
