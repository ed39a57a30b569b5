"""What anybody may know: how the server is, its figures, and the document of this API."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import Any

from aiohttp import web

from mockpbx.adapters.control import messages as m
from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.emulator import Emulator
from mockpbx.adapters.control.tally import Tally
from mockpbx.adapters.http import envelope

CONTRACT = "1.0.4"


class AboutHandlers:
    """The public routes."""

    def __init__(self, emulator: Emulator, tally: Tally) -> None:
        self._emulator = emulator
        self._tally = tally

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by their routes' ids."""
        return {
            "health": self._health,
            "livez": self._livez,
            "readyz": self._readyz,
            "version": self._version,
            "document": self._document,
            "openapi": partial(self._contract, "openapi"),
            "asyncapi": partial(self._contract, "asyncapi"),
            "reference": self._reference,
            "metrics": self._metrics,
            "scrape": self._metrics,
        }

    async def _health(self, _: Ask) -> Reply:
        emulator = self._emulator
        return m.Health(
            status="stopping" if emulator.stopping() else "ok",
            version=emulator.version,
            uptime=round(time.monotonic() - emulator.begun, 3),
            workspaces=len(list(emulator.switchboard)),
            seed=emulator.seed,
        )

    async def _livez(self, _: Ask) -> Reply:
        return m.Alive(status="alive")

    async def _readyz(self, _: Ask) -> Reply:
        if self._emulator.stopping():
            return envelope(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping: it takes no more calls", None)
        trouble = self._emulator.trouble()
        if trouble is not None:
            sentence = f"The database takes no records: {trouble}. Calls go on, and their records wait in memory"
            return envelope(HTTPStatus.SERVICE_UNAVAILABLE, sentence, None)
        return m.Alive(status="ready")

    async def _version(self, _: Ask) -> Reply:
        return m.Version(name="mockpbx", version=self._emulator.version, contract=CONTRACT)

    async def _document(self, _: Ask) -> Reply:
        openapi = await _imported("mockpbx.adapters.control.openapi")
        write = openapi.document
        document = await asyncio.get_running_loop().run_in_executor(None, write, self._emulator.version)
        return web.json_response(document)

    async def _contract(self, name: str, ask: Ask) -> Reply:
        """Answer one of the contract's documents, which names this server before the hosted one."""
        documents = await _imported(f"mockpbx.contract.documents.{name}")
        write = getattr(documents, name)
        url = f"{ask.request.scheme}://{ask.request.host}"
        return web.json_response(await asyncio.get_running_loop().run_in_executor(None, write, url))

    async def _reference(self, _: Ask) -> Reply:
        documents = await _imported("mockpbx.contract.documents.reference")
        page = await asyncio.get_running_loop().run_in_executor(None, documents.reference)
        headers = {"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def _metrics(self, _: Ask) -> Reply:
        metrics = await _imported("mockpbx.adapters.control.metrics")
        body = metrics.exposition(self._emulator, self._tally)
        return web.Response(body=body, headers={"Content-Type": metrics.CONTENT_TYPE})


async def _imported(name: str) -> Any:
    """Return a module; the first time it is imported beside the event loop, whose calls go on."""
    return await asyncio.get_running_loop().run_in_executor(None, import_module, name)
