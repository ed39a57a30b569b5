"""The control API of a running server, as the command line asks it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import aiohttp

from mockpbx.client.address import base_of
from mockpbx.client.rest import why

ADMIN_HEADER = "X-Admin-Token"


class Refused(Exception):
    """The server says no; its sentence says why."""


class Missing(Refused):
    """The server has no such thing."""


class ControlClient:
    """The control API of a server, as the workspace of a token."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str, admin_token: str | None) -> None:
        self._http = http
        self._base = f"{base_of(url)}/__admin"
        self._headers = {"Authorization": f"Bearer {token}"} | ({ADMIN_HEADER: admin_token} if admin_token else {})

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """Return the data of a reply. Raises Refused or Missing."""
        _, content = await self._reply(method, path, **options)
        return self._data(content)

    async def fetch(self, path: str) -> bytes:
        """Return a file. Raises Refused or Missing."""
        status, content = await self._reply("GET", path)
        if status != HTTPStatus.OK:
            self._data(content)
            raise self._stranger(f"status {status}")
        return content

    async def _reply(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        try:
            async with self._http.request(method, self._base + path, headers=self._headers, **options) as reply:
                return reply.status, await reply.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._stranger(why(error)) from None

    def _data(self, content: bytes) -> Any:
        try:
            body = json.loads(content)
        except ValueError as error:
            raise self._stranger(error) from None
        if not isinstance(body, dict) or "data" not in body:
            raise self._stranger(f"{str(body)[:80]!r}")
        if body.get("errors"):
            sentence = str(body["errors"])
            hint = " (--admin-token)" if ADMIN_HEADER in sentence else ""
            raise (Missing if body.get("status") == HTTPStatus.NOT_FOUND else Refused)(sentence + hint)
        return body["data"]

    def _stranger(self, reason: object) -> Refused:
        return Refused(f"{self._base} does not answer as a mockpbx does: {reason}")
