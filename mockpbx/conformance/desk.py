"""REST as it is: every reply is kept as it came, none is an error here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from yarl import URL

from mockpbx.client.rest import why
from mockpbx.conformance.transcript import NO_JSON, Exchange

#: Bytes of a reply that are looked at; a page of records has some 40 kB.
MOST = 4_000_000
UNSENT: Any = object()


def new_session() -> aiohttp.ClientSession:
    """Return what requests and sockets go through. Neither follows a redirect: the token is for one address alone."""
    # A connection kept alive may be closed by the server while a request is on its way: that is nobody's fault.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    timeout = aiohttp.ClientTimeout(total=None)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, trace_configs=[trace])


async def _refuse_redirect(_: object, __: object, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    """Stand in for `allow_redirects`, which aiohttp's websockets do not have."""
    reply = redirect.response
    reply.close()
    raise aiohttp.ClientError(f"the handshake was redirected (HTTP {reply.status})")


class Desk:
    """Requests to one server. `now` is the checker's clock."""

    def __init__(self, http: aiohttp.ClientSession, base: str, now: Callable[[], float]) -> None:
        self._http = http
        self._base = base
        self._now = now

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None,
        body: Any = UNSENT,
        headers: Mapping[str, str] | None = None,
        within: float,
    ) -> Exchange:
        """Return the exchange. `body` is sent as JSON, bytes as they are; `path` goes out as it is written."""
        sent: dict[str, str] = {} if token is None else {"Authorization": f"Bearer {token}"}
        data = None
        if body is not UNSENT:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent |= dict(headers or {})
        shown = None if body is UNSENT else body
        sent_at = self._now()
        try:
            async with asyncio.timeout(within):
                async with self._http.request(
                    method, URL(self._base + path, encoded=True), data=data, headers=sent, allow_redirects=False
                ) as reply:
                    at = self._now()
                    content = await reply.content.read(MOST)
        except TimeoutError:
            return Exchange(sent_at, self._now(), method, path, token, shown, failure=f"no reply within {within:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Exchange(sent_at, self._now(), method, path, token, shown, failure=why(error))
        text = content.decode("utf-8", "replace")
        return Exchange(sent_at, at, method, path, token, shown, reply.status, reply.content_type, text, _parsed(text))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # the latter of thousands of brackets
        return NO_JSON
