"""Where requests for the control API come in. Many servers never get one: the rest of it is loaded with the first."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from aiohttp import web

from mockpbx.adapters.control.emulator import Emulator
from mockpbx.adapters.control.tally import Tally

if TYPE_CHECKING:
    from mockpbx.adapters.control.service import ControlService

BASE = "/__admin"
_SERVICE = "mockpbx.adapters.control.service"


class ControlGate:
    """Takes what is under `/__admin`, and `/metrics`. `tally` is to read every workspace's journal."""

    def __init__(self, emulator: Emulator) -> None:
        self.tally = Tally()
        self._emulator = emulator
        self._loading = asyncio.Lock()
        self._service: ControlService | None = None
        self._closed = False

    def attach(self, app: web.Application) -> None:
        """Serve these paths of an application, before those that take any other."""
        for path in (BASE, BASE + r"/{path:[\s\S]*}", "/metrics", "/metrics/"):
            app.router.add_route("*", path, self._handle)

    def close(self) -> None:
        """Answer every request that waits for news; end every stream and websocket, once it has told what there is."""
        self._closed = True
        if self._service is not None:
            self._service.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        service = self._service or await self._loaded()
        return await service.handle(request)

    async def _loaded(self) -> ControlService:
        async with self._loading:
            if self._service is None:
                # Beside the event loop, since it takes 0.2 s, and calls go on.
                module = await asyncio.to_thread(import_module, _SERVICE)
                service: ControlService = module.ControlService(self._emulator, self.tally)
                self._service = service
                if self._closed:
                    service.close()
            return self._service
