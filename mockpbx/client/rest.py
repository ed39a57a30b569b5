"""The REST half of the API."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp

from mockpbx.client.address import base_of
from mockpbx.client.errors import ConnectionFailed, RequestFailed, TimedOut, UnexpectedReply
from mockpbx.contract import messages as m
from mockpbx.contract.errors import InvalidRequest
from mockpbx.contract.operations import OPERATIONS
from mockpbx.contract.validation import read

M = TypeVar("M", bound=m.Message)

#: OpenSSL's reasons, by version, where what comes is no TLS at all.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
_NO_HTTPS = "it does not speak https there; if it speaks http, begin its address with http://"

_PATHS = {operation.id: (operation.method, operation.path) for operation in OPERATIONS}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of `GET /cdr`."""

    data: list[m.CallDetailRecord]
    meta: m.PageMeta


class Rest:
    """The four operations, over an aiohttp session that the caller owns.

    Each raises RequestFailed with the server's sentence, UnexpectedReply, ConnectionFailed or TimedOut.
    """

    def __init__(self, url: str, token: str, http: aiohttp.ClientSession, *, timeout: float = 10.0) -> None:
        self.url = base_of(url)
        self._http = http
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    async def place_call(self, number: str) -> m.PlacedCall:
        """`POST /pbx/call`."""
        request = m.PlaceCallRequest.model_construct(phone_number=number)
        return await self._data("place_call", m.PlacedCall, body=request)

    async def hang_up(self, session_id: str) -> m.TerminatedCall:
        """`POST /pbx/hangup`."""
        request = m.HangUpRequest.model_construct(session_id=session_id)
        return await self._data("hang_up", m.TerminatedCall, body=request)

    async def record(self, session_id: str) -> m.CallDetailRecord:
        """`GET /cdr/{sessionId}`."""
        return await self._data("get_record", m.CallDetailRecord, session_id=session_id)

    async def records(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        filters: Mapping[str, str | Sequence[str]] | None = None,
        sort_by: str | None = None,
        search: str | None = None,
    ) -> Page:
        """`GET /cdr`. `filters` is e.g. `{"duration": ["$gte:30", "$lte:60"]}`; what is None is not sent."""
        query = [
            (name, str(value))
            for name, value in (("page", page), ("limit", limit), ("sortBy", sort_by), ("search", search))
            if value is not None
        ]
        for field, given in (filters or {}).items():
            query += [(f"filter.{field}", text) for text in ([given] if isinstance(given, str) else given)]
        where, status, reply = await self._exchange("list_records", query=query)
        _raise_failure(where, status, reply)
        rows = reply.get("data")
        if not isinstance(rows, list):
            raise UnexpectedReply(f"{where} answered {status} without a list of records in `data`")
        return Page(
            [_read(where, m.CallDetailRecord, row) for row in rows], _read(where, m.PageMeta, reply.get("meta"))
        )

    async def _data(self, operation: str, model: type[M], body: m.Message | None = None, session_id: str = "") -> M:
        where, status, reply = await self._exchange(operation, body=body, session_id=session_id)
        _raise_failure(where, status, reply)
        return _read(where, model, reply.get("data"))

    async def _exchange(
        self,
        operation: str,
        body: m.Message | None = None,
        query: Sequence[tuple[str, str]] = (),
        session_id: str = "",
    ) -> tuple[str, int, dict[str, Any]]:
        method, template = _PATHS[operation]
        target = self.url + template.format(sessionId=quote(session_id, safe=""))
        where = f"{method} {target}"
        content = None if body is None else body.model_dump(by_alias=True)
        try:
            async with (
                asyncio.timeout(self._timeout),
                # A redirected POST would turn into a GET; whoever gave the address should correct it.
                self._http.request(
                    method, target, json=content, params=query, headers=self._headers, allow_redirects=False
                ) as response,
            ):
                return where, response.status, await _object(where, response)
        except TimeoutError:
            raise TimedOut(f"{where} was not answered within {self._timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise ConnectionFailed(f"nothing answers at {self.url}: {why(error)}") from None
        except aiohttp.InvalidURL:
            raise ConnectionFailed(f"{self.url!r} is no address of a server") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(f"{where} was not answered: {why(error)}") from None


def why(error: BaseException) -> str:
    """Return the reason inside one of aiohttp's errors, without its machinery."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted ({error.certificate_error})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return why(error.os_error)
    if isinstance(error, ssl.SSLError):  # its errno is OpenSSL's, which the system has other words for
        said = str(error.reason or error).replace("_", " ").lower()
        return _NO_HTTPS if error.reason in _NOT_TLS else f"https failed: {said}"
    if isinstance(error, OSError) and error.errno is not None:
        # asyncio's own words are "Connect call failed ('127.0.0.1', 1)"; a name that is not found has errno -2.
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error) or type(error).__name__


async def _object(where: str, response: aiohttp.ClientResponse) -> dict[str, Any]:
    if 300 <= response.status < 400:
        raise UnexpectedReply(f"{where} redirects to {response.headers.get('Location', 'nowhere')}; use that address")
    body = await response.read()
    try:
        reply = await response.json(content_type=None) if body else None
    except ValueError:
        reply = None
    if isinstance(reply, dict):
        return reply
    got = f"{len(body)} bytes of {response.content_type}" if body else "an empty body"
    raise UnexpectedReply(
        f"{where} answered {response.status} with {got} where a JSON object was expected: "
        "is this the Outgoing Call Service?"
    )


def _raise_failure(where: str, status: int, reply: dict[str, Any]) -> None:
    """Raise what an error envelope says. The contract lets HTTP 200 carry `status: 500`, so the body has the word."""
    told = reply.get("status", status)
    if not isinstance(told, int) or isinstance(told, bool):
        raise UnexpectedReply(f"{where} answered {status} with `status` {told!r} where a number was expected")
    failed = max(told, status)
    if failed >= 400:
        errors = reply.get("errors")
        raise RequestFailed(failed, errors if isinstance(errors, str) else "")


def _read(where: str, model: type[M], data: object) -> M:
    try:
        return read(model, data)
    except InvalidRequest as error:
        raise UnexpectedReply(f"{where} answered data that does not keep the contract: {error}") from None
