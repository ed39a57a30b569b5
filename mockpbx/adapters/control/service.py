"""Dispatch: route, tokens, query, body, handler; one envelope for all replies, and no word of CORS.

A page of another origin can neither read these replies nor send the headers that they take, and is refused besides.
"""

from __future__ import annotations

import logging
from difflib import get_close_matches
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from pydantic import BaseModel

from mockpbx.adapters.control.about import AboutHandlers
from mockpbx.adapters.control.admission import ADMIN_HEADER, admit
from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.behaviour import BehaviourHandlers
from mockpbx.adapters.control.calls import CallHandlers
from mockpbx.adapters.control.emulator import Emulator
from mockpbx.adapters.control.evidence import EvidenceHandlers
from mockpbx.adapters.control.gate import BASE
from mockpbx.adapters.control.handset import HandsetHandlers
from mockpbx.adapters.control.journal import JournalHandlers
from mockpbx.adapters.control.news import News
from mockpbx.adapters.control.pulse import PulseHandlers
from mockpbx.adapters.control.reading import read_body, read_query
from mockpbx.adapters.control.routes import ROUTES, UNDER_ANY_NAME, Route
from mockpbx.adapters.control.tally import Tally
from mockpbx.adapters.control.traffic import TrafficHandlers
from mockpbx.adapters.http import WrongMethod, envelope, path_of, pattern_of, segments_of
from mockpbx.contract.errors import NotFound, PBXError, ServiceFailure
from mockpbx.runtime.files.document import listed

_log = logging.getLogger(__name__)


class ControlService:
    """Answers what comes through the gate. `tally` counts what happens in all workspaces."""

    def __init__(self, emulator: Emulator, tally: Tally) -> None:
        self._emulator = emulator
        self._news = News()
        self._journal = JournalHandlers(self._news)
        self._handset = HandsetHandlers(emulator)
        handlers: dict[str, Handler] = {
            **AboutHandlers(emulator, tally).handlers(),
            **BehaviourHandlers(emulator).handlers(),
            **CallHandlers(emulator).handlers(),
            **PulseHandlers(emulator).handlers(),
            **EvidenceHandlers(self._news, emulator.tickets).handlers(),
            **self._journal.handlers(),
            **TrafficHandlers(self._news).handlers(),
            **self._handset.handlers(),
        }
        assert handlers.keys() == {route.id for route in ROUTES}, "handlers and routes differ"
        self._routes = [(route, pattern_of(route.path), handlers[route.id]) for route in ROUTES]

    def close(self) -> None:
        """Answer every request that waits for news; end every stream and websocket, once it has told what there is."""
        self._news.close()
        self._journal.close()
        self._handset.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; whatever happens, in the envelope."""
        try:
            response = _response(await self._answer(request))
        except PBXError as error:
            response = envelope(error.status, str(error), None)
            if isinstance(error, WrongMethod):
                response.headers["Allow"] = error.allowed
        except BadHttpMessage:
            response = envelope(HTTPStatus.BAD_REQUEST, "The request is not valid HTTP", None)
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            response = envelope(ServiceFailure.status, ServiceFailure.sentence, None)
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store"
        return response

    async def _answer(self, request: web.Request) -> Reply:
        route, names, handler = self._route(request)
        if route.id not in UNDER_ANY_NAME:
            self._emulator.guard.check(request)
        if route.public:
            return await handler(Ask(request, None, names, None, None))
        admit(self._emulator.server.admin_token, request.headers.get(ADMIN_HEADER, ""))
        workspace = self._emulator.switchboard.for_header(request.headers.get("Authorization"))
        query = read_query(request, route.query)
        seconds = self._emulator.server.request_timeout
        body = None if route.request is None else await read_body(request, route.request, seconds)
        return await handler(Ask(request, workspace, names, body, query))

    def _route(self, request: web.Request) -> tuple[Route, dict[str, str], Handler]:
        path = path_of(request)
        method = "GET" if request.method == "HEAD" else request.method
        allowed: list[str] = []
        for route, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and route.method == method:
                return route, segments_of(match), handler
            if match:
                allowed += ["GET", "HEAD"] if route.method == "GET" else [route.method]
        if allowed:
            raise WrongMethod(request.method, path, allowed)
        raise NotFound(f"Cannot {request.method} {path[:200]}: {_near(path)}")


def _near(path: str) -> str:
    paths = dict.fromkeys(route.path for route in ROUTES)
    near = get_close_matches(path[:200], paths, n=3)
    return f"did you mean {listed(near)}?" if near else f"{BASE}/control.json lists what there is"


def _response(reply: Reply) -> web.StreamResponse:
    if isinstance(reply, web.StreamResponse):
        return reply
    data = reply.model_dump(mode="json", by_alias=True) if isinstance(reply, BaseModel) else reply
    return envelope(HTTPStatus.OK, "", data)
