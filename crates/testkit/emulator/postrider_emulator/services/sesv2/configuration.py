"""Configuration sets and where their events go."""

from __future__ import annotations

from typing import Any

from ... import limits
from ...reply import AwsError
from .state import ConfigurationSet, MailService

_OPTIONS = (
    "ArchivingOptions",
    "DeliveryOptions",
    "ReputationOptions",
    "SendingOptions",
    "SuppressionOptions",
    "TrackingOptions",
    "VdmOptions",
)
_EVENT_TYPES = (
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
)


def found(mail: MailService, name: str) -> ConfigurationSet:
    """The configuration set of that name. Raises NotFoundException."""
    if name not in mail.configuration_sets:
        raise AwsError("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
    return mail.configuration_sets[name]


def _create(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    name = str(asked.get("ConfigurationSetName", ""))
    if not name or len(name) > 64 or not all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name):
        raise AwsError("BadRequestException", "The configuration set name is not valid.")
    if name in mail.configuration_sets:
        raise AwsError("AlreadyExistsException", f"Configuration set <{name}> already exists.")
    options = {option: asked[option] for option in _OPTIONS if option in asked}
    mail.configuration_sets[name] = ConfigurationSet(name, options)
    mail.tags[mail.arn("configuration-set", name)] = {tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []}
    return {}


def _get(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    one = found(mail, asked["ConfigurationSetName"])
    tags = mail.tags.get(mail.arn("configuration-set", one.name), {})
    shown = {"SendingOptions": {"SendingEnabled": True}, **one.options}
    return {
        "ConfigurationSetName": one.name,
        **shown,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def _list(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    return {"ConfigurationSets": sorted(mail.configuration_sets)}


def _delete(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    del mail.configuration_sets[found(mail, asked["ConfigurationSetName"]).name]
    return {}


def _put_option(option: str, *members: str) -> Any:
    def put(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
        one = found(mail, asked["ConfigurationSetName"])
        one.options[option] = {member: asked[member] for member in members if member in asked}
        return {}

    return put


def _checked_destination(destination: dict[str, Any]) -> dict[str, Any]:
    kinds = destination.get("MatchingEventTypes") or []
    if not kinds or any(kind not in _EVENT_TYPES for kind in kinds):
        raise AwsError("BadRequestException", f"MatchingEventTypes must be some of {', '.join(_EVENT_TYPES)}.")
    targets = [name for name in destination if name.endswith("Destination")]
    if len(targets) != 1:
        raise AwsError("BadRequestException", "An event destination must have exactly one target.")
    if targets == ["SnsDestination"] and not destination["SnsDestination"].get("TopicArn"):
        raise AwsError("BadRequestException", "An SNS destination must name a topic.")
    return {**destination, "Enabled": destination.get("Enabled", False)}


def _create_destination(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    one = found(mail, asked["ConfigurationSetName"])
    name = str(asked.get("EventDestinationName", ""))
    if name in one.destinations:
        raise AwsError("AlreadyExistsException", f"Event destination <{name}> already exists.")
    if len(one.destinations) >= limits.EVENT_DESTINATIONS_MAX:
        raise AwsError("LimitExceededException", "The configuration set has too many event destinations.")
    one.destinations[name] = _checked_destination(asked.get("EventDestination") or {})
    return {}


def _update_destination(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    one, name = _destination(mail, asked)
    one.destinations[name] = _checked_destination(asked.get("EventDestination") or {})
    return {}


def _delete_destination(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    one, name = _destination(mail, asked)
    del one.destinations[name]
    return {}


def _destination(mail: MailService, asked: dict[str, Any]) -> tuple[ConfigurationSet, str]:
    one, name = found(mail, asked["ConfigurationSetName"]), asked["EventDestinationName"]
    if name not in one.destinations:
        raise AwsError("NotFoundException", f"Event destination <{name}> does not exist.", 404)
    return one, name


def _get_destinations(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    one = found(mail, asked["ConfigurationSetName"])
    return {"EventDestinations": [{"Name": name, **destination} for name, destination in one.destinations.items()]}


ACTIONS = {
    "CreateConfigurationSet": _create,
    "GetConfigurationSet": _get,
    "ListConfigurationSets": _list,
    "DeleteConfigurationSet": _delete,
    "PutConfigurationSetSendingOptions": _put_option("SendingOptions", "SendingEnabled"),
    "PutConfigurationSetSuppressionOptions": _put_option("SuppressionOptions", "SuppressedReasons"),
    "PutConfigurationSetReputationOptions": _put_option("ReputationOptions", "ReputationMetricsEnabled"),
    "PutConfigurationSetDeliveryOptions": _put_option("DeliveryOptions", "TlsPolicy", "SendingPoolName"),
    "CreateConfigurationSetEventDestination": _create_destination,
    "UpdateConfigurationSetEventDestination": _update_destination,
    "DeleteConfigurationSetEventDestination": _delete_destination,
    "GetConfigurationSetEventDestinations": _get_destinations,
}
