"""Faults as JSON writes them: one flat object of the fault's word, its own fields, and those of when it strikes.

`{"fault": "frame_lost", "probability": 0.05, "number": "0896*"}`
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from mockpbx.contract.errors import InvalidRequest
from mockpbx.domain.scenario import word
from mockpbx.runtime.faults.acks import AckLate, AckLost
from mockpbx.runtime.faults.events import EventLate, EventLost, EventSwapped, EventTwice
from mockpbx.runtime.faults.frames import FrameBurst, FrameDuplicated, FrameLate, FrameLost, Jitter
from mockpbx.runtime.faults.http import HttpDelay, HttpDrop, HttpError
from mockpbx.runtime.faults.records import ClockSkew
from mockpbx.runtime.faults.rule import Fault, Rule, When
from mockpbx.runtime.faults.sockets import ConnectRefused, HalfOpen, SocketDropped
from mockpbx.runtime.faults.standing import Standing
from mockpbx.runtime.files.document import hint, plain, shown

#: Every fault by its word.
FAULTS: dict[str, type[Fault]] = {
    word(fault): fault
    for fault in (
        *(HttpDelay, HttpError, HttpDrop),
        *(ConnectRefused, SocketDropped, HalfOpen),
        *(AckLate, AckLost),
        *(FrameLost, FrameDuplicated, FrameLate, FrameBurst, Jitter),
        *(EventLate, EventLost, EventTwice, EventSwapped),
        ClockSkew,
    )
}

_WHEN = "when"
#: What has no meaning for a fault that strikes no call.
_OF_CALLS = frozenset({"call", "number", "after_connected"})

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_pattern_mismatch": "digits, with * for any and ? for one, such as 0896*",
}
_PREAMBLE = re.compile(r"^(Value error, |Input should be (a number )?|String should have )(expected )?")


def read_fault(value: object) -> Rule:
    """Return the rule of a JSON object. Raises InvalidRequest with a sentence that names the field."""
    if not isinstance(value, dict):
        raise InvalidRequest(f'Expected a fault such as {{"fault": "http_error"}}, got {shown(value)}')
    name = value.get("fault")
    if "fault" not in value:
        raise InvalidRequest(f"fault is missing{hint('', FAULTS)}")
    if not isinstance(name, str) or name not in FAULTS:
        raise InvalidRequest(f"fault: there is none called {plain(name)}{hint(name, FAULTS)}")
    own, common = _schema(name)["properties"], _common(name)
    for field in value:
        if field != "fault" and field not in own and field not in common:
            raise InvalidRequest(f"{name} has no field {plain(field)}{hint(field, [*own, *common])}")
    fault = _read(name, {field: each for field, each in value.items() if field in own}, name)
    when = _read(_WHEN, {field: each for field, each in value.items() if field in common}, name)
    return Rule(fault, when)


def catalogue() -> list[dict[str, object]]:
    """Return every fault: its word, what it does, and the JSON Schema of its whole object."""
    return [
        {"word": name, "about": " ".join((fault.__doc__ or "").split()), "parameters": _parameters(name)}
        for name, fault in FAULTS.items()
    ]


def describe(standing: Standing, now: int) -> dict[str, object]:
    """Return a rule that was set, as JSON: its id, what it asks for, its strikes, and whether it is exhausted."""
    name = word(type(standing.rule.fault))
    when = _adapter(_WHEN).dump_python(standing.rule.when, mode="json", by_alias=True, exclude_defaults=True)
    return {
        "id": standing.id,
        "fault": name,
        **_adapter(name).dump_python(standing.rule.fault, mode="json"),
        **when,
        "struck": standing.struck,
        "exhausted": standing.exhausted(now),
    }


# --- with pydantic, which those pay for who need it ------------------------------------------------------------------


@cache
def _adapter(name: str) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(When if name == _WHEN else FAULTS[name])


@cache
def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = _adapter(name).json_schema()
    return {"properties": {}, "required": []} | schema


def _common(name: str) -> dict[str, Any]:
    left_out = frozenset() if FAULTS[name].of_calls else _OF_CALLS
    return {field: schema for field, schema in _schema(_WHEN)["properties"].items() if field not in left_out}


def _parameters(name: str) -> dict[str, object]:
    own = _schema(name)
    return {
        "type": "object",
        "properties": {"fault": {"const": name}, **own["properties"], **_common(name)},
        "required": ["fault", *own["required"]],
        "additionalProperties": False,
    }


def _read(form: str, value: dict[str, object], name: str) -> Any:
    from pydantic import ValidationError

    try:
        return _adapter(form).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidRequest(_sentence(name, str(first["loc"][0]), dict(first), value)) from None


def _sentence(name: str, field: str, error: dict[str, Any], value: dict[str, object]) -> str:
    if error["type"] == "missing":
        return f'{field} is missing, as in {{"fault": "{name}", "{field}": ...}}'
    got = shown(value[field])
    if error["type"] == "literal_error":
        words: list[str] = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        return f"{field}: {got} is not one of its words{hint(value[field], words)}"
    return f"{field}: expected {_EXPECTED.get(error['type']) or _PREAMBLE.sub('', error['msg'])}, got {got}"
