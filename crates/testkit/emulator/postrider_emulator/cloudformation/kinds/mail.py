"""SES, and the DNS records of its identities."""

from __future__ import annotations

import re

from ..aws import Aws
from .kind import Kind, Made, Naming, Properties, listed, pick


class ConfigurationSet(Kind):
    TYPE = "AWS::SES::ConfigurationSet"
    _OPTIONS = ("DeliveryOptions", "ReputationOptions", "SendingOptions", "SuppressionOptions")
    APPLIED = ("Name", "Tags", *_OPTIONS)
    REPLACING = ("Name",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("Name") or naming.name(64)
        aws(
            "sesv2",
            "CreateConfigurationSet",
            ConfigurationSetName=name,
            Tags=listed(wanted.get("Tags")),
            **pick(wanted, *self._OPTIONS),
        )
        return Made(name)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("sesv2", "GetConfigurationSet", ConfigurationSetName=physical_id)
        return {**found, "Name": found["ConfigurationSetName"]}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        for option in self._OPTIONS:
            if old.get(option) != new.get(option):
                members = new.get(option) or {}
                aws("sesv2", f"PutConfigurationSet{option}", ConfigurationSetName=made.physical_id, **members)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("sesv2", "DeleteConfigurationSet", ConfigurationSetName=physical_id)


class EventDestination(Kind):
    TYPE = "AWS::SES::ConfigurationSetEventDestination"
    APPLIED = ("ConfigurationSetName", "EventDestination")
    REQUIRED = APPLIED
    REPLACING = ("ConfigurationSetName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        self._put(aws, "Create", wanted)
        name = wanted["EventDestination"]["Name"]
        return Made(f"{wanted['ConfigurationSetName']}|{name}", {"Id": name})

    def _put(self, aws: Aws, verb: str, wanted: Properties) -> None:
        destination = {key: value for key, value in wanted["EventDestination"].items() if key != "Name"}
        # Templates write deliveryDelay where the API says DELIVERY_DELAY.
        destination["MatchingEventTypes"] = [
            re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).upper() for kind in destination["MatchingEventTypes"]
        ]
        aws(
            "sesv2",
            f"{verb}ConfigurationSetEventDestination",
            ConfigurationSetName=wanted["ConfigurationSetName"],
            EventDestinationName=wanted["EventDestination"]["Name"],
            EventDestination=destination,
        )

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        group, name = physical_id.split("|")
        every = aws("sesv2", "GetConfigurationSetEventDestinations", ConfigurationSetName=group)["EventDestinations"]
        found = dict(next((one for one in every if one["Name"] == name), {}))
        kinds = [re.sub(r"_(.)", lambda part: part[1].upper(), kind.lower()) for kind in found["MatchingEventTypes"]]
        return {"ConfigurationSetName": group, "EventDestination": {**found, "MatchingEventTypes": kinds}}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        self._put(aws, "Update", new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        group, name = physical_id.split("|")
        aws(
            "sesv2", "DeleteConfigurationSetEventDestination", ConfigurationSetName=group, EventDestinationName=name
        )


class EmailIdentity(Kind):
    TYPE = "AWS::SES::EmailIdentity"
    # Each has an API of its own, named after it, whose parameters are its members.
    _ATTRIBUTES = ("ConfigurationSetAttributes", "DkimAttributes", "FeedbackAttributes", "MailFromAttributes")
    APPLIED = ("DkimSigningAttributes", "EmailIdentity", "Tags", *_ATTRIBUTES)
    REQUIRED = ("EmailIdentity",)
    REPLACING = ("EmailIdentity",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted["EmailIdentity"]
        aws(
            "sesv2",
            "CreateEmailIdentity",
            EmailIdentity=name,
            Tags=listed(wanted.get("Tags")),
            **pick(wanted, "DkimSigningAttributes"),
        )
        self._put(aws, name, {}, wanted)
        tokens = aws("sesv2", "GetEmailIdentity", EmailIdentity=name)["DkimAttributes"].get("Tokens") or []
        attributes = {}
        for number, token in enumerate(tokens, 1):
            attributes[f"DkimDNSTokenName{number}"] = f"{token}._domainkey.{name}"
            attributes[f"DkimDNSTokenValue{number}"] = f"{token}.dkim.amazonses.com"
        return Made(name, attributes)

    def _put(self, aws: Aws, name: str, old: Properties, new: Properties) -> None:
        for attribute in self._ATTRIBUTES:
            if old.get(attribute) != new.get(attribute):
                aws("sesv2", f"PutEmailIdentity{attribute}", EmailIdentity=name, **(new.get(attribute) or {}))

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("sesv2", "GetEmailIdentity", EmailIdentity=physical_id)
        return {
            "EmailIdentity": physical_id,
            "ConfigurationSetAttributes": pick(found, "ConfigurationSetName"),
            "DkimAttributes": pick(found["DkimAttributes"], "SigningEnabled"),
            "DkimSigningAttributes": pick(found["DkimAttributes"], "NextSigningKeyLength"),
            "FeedbackAttributes": {"EmailForwardingEnabled": found.get("FeedbackForwardingStatus")},
            "MailFromAttributes": found.get("MailFromAttributes"),
            "Tags": found.get("Tags"),
        }

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        self._put(aws, made.physical_id, old, new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("sesv2", "DeleteEmailIdentity", EmailIdentity=physical_id)


class RecordSetGroup(Kind):
    TYPE = "AWS::Route53::RecordSetGroup"
    APPLIED = ("HostedZoneId", "RecordSets")
    REQUIRED = APPLIED
    REPLACING = ("HostedZoneId",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        self._change(aws, "CREATE", wanted)
        return Made(naming.name())

    def _change(self, aws: Aws, action: str, wanted: Properties) -> None:
        changes = []
        for one in wanted["RecordSets"]:
            records = [{"Value": value} for value in one["ResourceRecords"]]
            changes.append({"Action": action, "ResourceRecordSet": {**one, "ResourceRecords": records}})
        batch = {"Changes": changes}
        aws("route53", "ChangeResourceRecordSets", HostedZoneId=wanted["HostedZoneId"], ChangeBatch=batch)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        zone = wanted["HostedZoneId"]
        names = {(one["Name"], one["Type"]) for one in wanted["RecordSets"]}
        found = [
            {
                **one,
                "Name": one["Name"].rstrip("."),
                "ResourceRecords": [record["Value"] for record in one["ResourceRecords"]],
            }
            for one in aws("route53", "ListResourceRecordSets", HostedZoneId=zone)["ResourceRecordSets"]
            if (one["Name"].rstrip("."), one["Type"]) in names
        ]
        return {"HostedZoneId": zone, "RecordSets": found}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        self._change(aws, "DELETE", old)
        self._change(aws, "CREATE", new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        self._change(aws, "DELETE", wanted)


KINDS = (ConfigurationSet, EventDestination, EmailIdentity, RecordSetGroup)
