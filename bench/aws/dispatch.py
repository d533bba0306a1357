"""The same dispatch as Postrider's, as one would write it with boto3: a peer to measure against.

Takes orders out of an SQS batch, checks what an order needs, looks whether the customer gets no mail, notes each in
DynamoDB so that none is mailed twice, renders the confirmation, hands it to SES as a raw message, notes that it was sent,
and says so in the log and in a line of embedded metrics. It does less than Postrider: no leases, no retries later, no
unknown outcomes, no webhooks, no guards, no budget.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from decimal import Decimal, InvalidOperation
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from typing import Any

import boto3
from botocore.exceptions import ClientError
from jinja2 import Environment, FileSystemLoader

TABLE = os.environ["TABLE"]
CONFIGURATION_SET = os.environ["CONFIGURATION_SET"]
SENDER = os.environ["SENDER"]
REQUIRED = ("orderId", "customerEmail", "customerName", "items", "total")

dynamodb = boto3.client("dynamodb")
ses = boto3.client("sesv2")
templates = Environment(loader=FileSystemLoader(os.path.dirname(os.path.abspath(__file__))), autoescape=True)
html_template = templates.get_template("order_confirmation.html")
text_template = templates.get_template("order_confirmation.txt")


class Invalid(Exception):
    """The message is not an order that can be confirmed."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Deals with a batch, and says which messages must come again."""
    failures = []
    sent = 0
    for record in event["Records"]:
        try:
            sent += confirm(order_of(record["body"]))
        except Exception as error:
            print(json.dumps({"level": "error", "messageId": record["messageId"], "error": type(error).__name__}))
            failures.append({"itemIdentifier": record["messageId"]})
    print(json.dumps(metrics(sent)))
    return {"batchItemFailures": failures}


def order_of(body: str) -> dict[str, Any]:
    """The order in a message: bare, in an event, or that in SNS's envelope."""
    document = json.loads(body, parse_float=Decimal)
    if document.get("Type") == "Notification" and "TopicArn" in document:
        document = json.loads(document["Message"], parse_float=Decimal)
    order = document.get("data", document)
    missing = [name for name in REQUIRED if not order.get(name)]
    if missing:
        raise Invalid(f"missing {', '.join(missing)}")
    email = order["customerEmail"]
    if email.count("@") != 1 or any(letter.isspace() or ord(letter) < 32 for letter in email):
        raise Invalid("customerEmail is not an address")
    if any("\r" in order[name] or "\n" in order[name] for name in ("orderId", "customerName")):
        raise Invalid("a field has line breaks")
    for item in order["items"]:
        item["amount"] = money(item["unitPrice"]) * int(item["quantity"])
    order["total"] = money(order["total"])
    return order


def money(value: Any) -> Decimal:
    """An amount, never through a float."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise Invalid("an amount is not a number") from None


def metrics(sent: int) -> dict[str, Any]:
    """A line from which CloudWatch makes a metric."""
    directive = {"Namespace": "Peer", "Dimensions": [[]], "Metrics": [{"Name": "EmailsSent", "Unit": "Count"}]}
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}, "EmailsSent": sent}


def confirm(order: dict[str, Any]) -> int:
    """Mails the confirmation of an order, unless it was mailed before or the customer gets no mail; counts what was sent."""
    notification = uuid.uuid4().hex
    suppressed = dynamodb.get_item(
        TableName=TABLE, Key={"pk": {"S": f"suppressed#{order['customerEmail'].lower()}"}}, ConsistentRead=True
    )
    if "Item" in suppressed:
        return 0
    key = {"pk": {"S": f"order_confirmation#{order['orderId']}"}}
    try:
        dynamodb.put_item(
            TableName=TABLE,
            Item={
                **key,
                "id": {"S": notification},
                "status": {"S": "sending"},
                "order": {"S": json.dumps(order, default=str)},
                "at": {"N": str(int(time.time() * 1000))},
            },
            ConditionExpression="attribute_not_exists(pk)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return 0
        raise
    sent = ses.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": [order["customerEmail"]]},
        Content={"Raw": {"Data": message(order)}},
        ConfigurationSetName=CONFIGURATION_SET,
        EmailTags=[{"Name": "notification", "Value": notification}],
    )
    dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET #status = :sent, messageId = :id",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":sent": {"S": "sent"}, ":id": {"S": sent["MessageId"]}},
    )
    print(json.dumps({"level": "info", "message": "sent", "notification": notification, "order": order["orderId"]}))
    return 1


def message(order: dict[str, Any]) -> bytes:
    """The e-mail with an HTML and a text body."""
    mail = EmailMessage()
    mail["From"] = SENDER
    mail["To"] = formataddr((order["customerName"], order["customerEmail"]))
    mail["Subject"] = f"Your order {order['orderId']} is confirmed"
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain="shop.example")
    mail.set_content(text_template.render(order=order))
    mail.add_alternative(html_template.render(order=order), subtype="html")
    return mail.as_bytes()
