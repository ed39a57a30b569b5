"""Where connections come in: as many at a time as the server takes, and one sentence for the next."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import ssl
from typing import cast

from aiohttp import web

from mockpbx.runtime.settings import ServerSettings

_log = logging.getLogger(__name__)

#: Wall seconds that a connection too many may take for its request.
GOODBYE = 1.0


class Entrance(web.BaseSite):
    """Listens for an application's runner where the settings say; `refused` counts the connections too many."""

    def __init__(self, runner: web.AppRunner, settings: ServerSettings, tls: ssl.SSLContext | None) -> None:
        super().__init__(runner, ssl_context=tls)
        self._settings = settings
        self._most = settings.most_connections
        self.refused = 0

    @property
    def name(self) -> str:
        """The address that was asked for."""
        return f"{self._settings.host}:{self._settings.port}"

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await super().start()
        settings, tls = self._settings, self._ssl_context
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._admit,
                settings.host,
                settings.port,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else settings.request_timeout,
            )
        except UnicodeError:  # such as a..b
            raise OSError(errno.EINVAL, "that is no name of a host") from None

    def _admit(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None, "the runner has been set up"
        if len(server.connections) < self._most:
            return server()
        self.refused += 1
        if self.refused & (self.refused - 1) == 0:  # a flood is to fill no log: the 1st, 2nd, 4th, 8th ...
            _log.warning("%d connections refused so far: most_connections is %d", self.refused, self._most)
        return _Full(self._most)


class _Full(asyncio.Protocol):
    """Tells a connection that there are too many, and closes it once its request has come or GOODBYE is over."""

    def __init__(self, most: int) -> None:
        sentence = f"The server has {most} connections, and takes no more: close some, or raise most_connections"
        body = json.dumps({"status": 503, "errors": sentence, "data": None}).encode()
        self._reply = (
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses of asyncio's
        self._transport.write(self._reply)
        asyncio.get_running_loop().call_later(GOODBYE, self._transport.close)

    def data_received(self, data: bytes) -> None:
        """Take the request before closing: what is left unread would take the reply back."""
        self._transport.close()
