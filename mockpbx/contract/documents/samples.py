"""Code that says what an example says: curl for REST, JavaScript for Socket.IO."""

from __future__ import annotations

import json
import re
from textwrap import indent
from typing import Any

from mockpbx.contract.channels import Incoming, Outgoing
from mockpbx.contract.documents.examples import BUFFER, EXAMPLES
from mockpbx.contract.messages import Message
from mockpbx.contract.operations import Operation

Object = dict[str, Any]


def curl(operation: Operation) -> Object:
    """Return the published request of an operation for a shell that has `PBX_URL` and `PBX_TOKEN`."""
    path, _, query = operation.example.partition("?")
    lines = [f'curl {"-G " if query else ""}"$PBX_URL{path}"', '-H "Authorization: Bearer $PBX_TOKEN"']
    lines += [f"--data-urlencode '{each}'" for each in query.split("&") if each]
    if operation.request is not None:
        body = json.dumps(EXAMPLES[operation.request][0])
        lines += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    return {"lang": "Shell", "label": "curl", "source": " \\\n  ".join(lines)}


def on(channel: Outgoing) -> Object:
    """Return how a client listens to an event, with an example of what it gets."""
    return _javascript(f'socket.on("{channel.event}", (data) => {{\n{_comment("data", channel.payload)}\n}});')


def emit(channel: Incoming) -> Object:
    """Return how a client sends an event, with its acknowledgment where there is one."""
    call = f'socket.emit("{channel.event}", {_object(channel.payload)}'
    if channel.ack is None:
        return _javascript(f"{call});")
    return _javascript(f"{call}, (acknowledgment) => {{\n{_comment('acknowledgment', channel.ack)}\n}});")


def _javascript(source: str) -> Object:
    return {"lang": "JavaScript", "label": "socket.io-client", "source": source}


def _comment(name: str, model: type[Message]) -> str:
    return indent(f"// {name}: {_object(model)}".replace("\n", "\n// "), "  ")


def _object(model: type[Message]) -> str:
    """Return an example as JavaScript writes it: names without quotes, a Buffer as one that is made."""
    written = json.dumps(EXAMPLES[model][0], indent=2).replace(f'"{BUFFER}"', "Buffer.from([0x33, 0x29, 0x12, 0x94])")
    return re.sub(r'^(\s*)"(\w+)":', r"\1\2:", written, flags=re.MULTILINE)
