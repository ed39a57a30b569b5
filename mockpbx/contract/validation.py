"""Reading a client's object into a message, with one sentence when that fails."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from mockpbx.contract.errors import InvalidRequest
from mockpbx.contract.messages import Message

M = TypeVar("M", bound=Message)


def read(model: type[M], payload: object) -> M:
    """Return `payload` as `model`.

    Raises InvalidRequest with a sentence that names the field, what was wrong and what was expected.
    """
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise InvalidRequest(_sentence(error, payload)) from None


def _sentence(error: ValidationError, payload: object) -> str:
    if not isinstance(payload, dict):
        return f"The payload must be an object, got {_kind(payload)}"
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "payload"
    if first["type"] == "missing":
        return f"{field} is required"
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected = expected.removeprefix("expected ").replace("a valid string", "a string")
    return f"{field} is not valid: expected {expected}, got {_kind(payload.get(field))}"


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int() | float():
            return f"the number {value}" if abs(value) < 1e15 else "a huge number"
        case str():
            return f"{value!r}" if len(value) <= 40 else f"a string of {len(value)} characters"
        case bytes():
            return f"{len(value)} bytes"
        case list() | tuple():
            return "a list"
        case _:
            return "an object"
