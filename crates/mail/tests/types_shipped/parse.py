"""Prints what Python's e-mail package reads in each file of a directory, as JSON by file name."""

import email
import email.policy
import json
import pathlib
import sys


def mailboxes(field):
    return [(one.display_name, one.addr_spec) for one in field.addresses]


def seen(path):
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    if message.defects:
        raise SystemExit(f"{path.name}: {message.defects}")
    parts = [
        (part.get_content_type(), part.get_content().replace("\r\n", "\n").rstrip("\n"))
        for part in message.iter_parts()
    ]
    return {
        "subject": str(message["subject"]),
        "from": mailboxes(message["from"]),
        "to": mailboxes(message["to"]),
        "language": message["content-language"],
        "message_id": str(message["message-id"]),
        "parts": parts,
    }


json.dump({path.name: seen(path) for path in pathlib.Path(sys.argv[1]).iterdir()}, sys.stdout)
