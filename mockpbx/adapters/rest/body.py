"""Reading a request's body as Express's body parser does, with its limits and its refusals."""

from __future__ import annotations

import codecs
import json
import zlib
from typing import NoReturn
from urllib.parse import parse_qs

from aiohttp import web
from aiohttp.helpers import parse_mimetype

from mockpbx.adapters.limits import chunks_of
from mockpbx.contract.errors import BodyTooLarge, InvalidRequest, UnsupportedBody

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_INFLATE_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_JSON_SPACE = " \t\r\n"


async def read_body(request: web.Request, limit: int, seconds: float) -> dict[str, object] | list[object]:
    """Return the body's object; an absent or unknown one counts as empty.

    Raises InvalidRequest, BodyTooLarge or UnsupportedBody, and BodyTooSlow for one that takes more than `seconds`.
    """
    if not request.body_exists:
        return {}
    kind = parse_mimetype(request.headers.get("Content-Type", ""))
    media_type = f"{kind.type}/{kind.subtype}"
    if media_type not in (_JSON, _FORM):
        return {}
    charset = _charset(kind.parameters.get("charset", "utf-8"), form=media_type == _FORM)
    data = await _limited(request, limit, seconds)
    if not data:
        return {}
    text = data.decode(charset, errors="replace").removeprefix("\ufeff")
    return _form(text) if media_type == _FORM else _json(text)


def _charset(name: str, *, form: bool) -> str:
    readable = name.lower().startswith("utf-") or (form and name.lower() == "iso-8859-1")
    try:
        if readable:
            return codecs.lookup(name).name
    except LookupError:
        pass
    raise UnsupportedBody(f"The charset {name[:40]!r} is not supported: send UTF-8")


async def _limited(request: web.Request, limit: int, seconds: float) -> bytes:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity" and encoding not in _INFLATE_BITS:
        raise UnsupportedBody(f"The content encoding {encoding[:40]!r} is not supported: send gzip, deflate or none")
    too_large = BodyTooLarge(f"The request body is larger than the limit of {limit} bytes")
    if encoding == "identity" and (request.content_length or 0) > limit:
        raise too_large
    inflate = zlib.decompressobj(_INFLATE_BITS[encoding]) if encoding != "identity" else None
    data, came = bytearray(), 0
    async for chunk in chunks_of(request, seconds):
        came += len(chunk)
        try:
            data += inflate.decompress(chunk, limit + 1) if inflate else chunk
        except zlib.error:
            raise InvalidRequest(f"The request body is not valid {encoding}") from None
        # Packed data may go on for ever and come to nothing.
        if max(came, len(data)) > limit:
            raise too_large
    if inflate and not inflate.eof:
        raise InvalidRequest(f"The request body is not complete {encoding}")
    return bytes(data)


def _json(text: str) -> dict[str, object] | list[object]:
    if text.lstrip(_JSON_SPACE)[:1] not in ("{", "["):
        raise InvalidRequest("The request body must be a JSON object")
    try:
        value: dict[str, object] | list[object] = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidRequest("The request body is not valid JSON") from None
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _form(text: str) -> dict[str, object]:
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=1_000)
    except ValueError:
        raise BodyTooLarge("The form has more than 1000 fields") from None
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
