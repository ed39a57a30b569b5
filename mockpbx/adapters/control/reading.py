"""Requests of the control API as models, and one sentence about what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

from aiohttp import web
from pydantic import BaseModel, ValidationError

from mockpbx.adapters.limits import chunks_of
from mockpbx.contract.errors import BodyTooLarge, InvalidRequest, UnsupportedBody
from mockpbx.contract.vocabulary import DTMF_DIGITS
from mockpbx.runtime.files.document import hint, shown

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)

#: The largest body in bytes: a dial plan with hundreds of scenarios fits.
LARGEST_BODY = 1_000_000


async def read_body(request: web.Request, model: type[M], seconds: float) -> M:
    """Return a request's JSON as `model`, whatever its content type; none at all counts as `{}`.

    Raises InvalidRequest, BodyTooLarge or UnsupportedBody, and BodyTooSlow for one that takes more than `seconds`.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedBody(f"The content encoding {encoding[:40]!r} is not supported here: send plain JSON")
    data = bytearray()
    async for chunk in chunks_of(request, seconds):
        data += chunk
        if len(data) > LARGEST_BODY:
            raise BodyTooLarge(f"The request body is larger than the limit of {LARGEST_BODY} bytes")
    try:
        return model.model_validate_json(bytes(data).strip() or b"{}", strict=True)
    except ValidationError as error:
        raise _refusal(error, model, "field") from None


def read_query(request: web.Request, model: type[M]) -> M:
    """Return a request's query string as `model`; a list's name may repeat. Raises InvalidRequest."""
    query = request.query
    lists = {field.alias or name for name, field in model.model_fields.items() if get_origin(field.annotation) is list}
    values: dict[str, Any] = {name: query.getall(name) if name in lists else query[name] for name in query}
    for name in query:
        if name not in lists and len(query.getall(name)) > 1:
            raise InvalidRequest(f"{name} is given more than once: give it once")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refusal(error, model, "query parameter") from None


def _refusal(error: ValidationError, model: type[BaseModel], kind: str) -> InvalidRequest:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "json_invalid":
            return InvalidRequest(f"The request body is not valid JSON: {first['ctx']['error']}")
        case "missing":
            return InvalidRequest(f"{name} is required")
        case "extra_forbidden":
            return InvalidRequest(f"{name[:64]} is no {kind} of this request{hint(first['loc'][-1], _names(model))}")
        case _ if not name:
            return InvalidRequest(f"The request body is not valid: expected {_expected(first)}, {_got(first)}")
        case _:
            return InvalidRequest(f"{name[:64]} is not valid: expected {_expected(first)}, {_got(first)}")


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] or ["no field at all"]


_EXPECTED = {
    "string_type": "a string",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "model_type": "a JSON object",
    "dict_type": "a JSON object",
    "list_type": "a list",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "string_too_short": "text of at least {min_length} character",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": f"1 to 64 keys out of {DTMF_DIGITS}",
}


def _expected(error: ErrorDetails) -> str:
    known = _EXPECTED.get(error["type"])
    if known is not None:
        bounds = error.get("ctx", {})
        return known.format(**{name: _plain(bound) for name, bound in bounds.items()})
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ").removeprefix("expected ")
    return message[:1].lower() + message[1:]


def _plain(bound: object) -> object:
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _got(error: ErrorDetails) -> str:
    return f"got {shown(error['input'])}" if not isinstance(error["input"], Mapping) else "got an object"
