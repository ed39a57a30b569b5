"""Dispatch of the page: files to anybody, evidence to who has a ticket; no token is asked for or seen here."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

import mockpbx
from mockpbx.adapters import tickets
from mockpbx.adapters.console.files import File, Files
from mockpbx.adapters.guard import Guard
from mockpbx.adapters.http import WrongMethod, path_of
from mockpbx.contract.errors import NotFound, PBXError, ServiceFailure

_log = logging.getLogger(__name__)

BASE = "/__console"
INDEX = "index.html"

#: Of every reply, unless it has its own: the page loads nothing that is not a file here, and nobody frames it.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "media-src 'self' blob:; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self)",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NoTicket(NotFound):
    """A ticket that is unknown, used or too old."""

    sentence = "This link opens once, within a minute: open the evidence from the call's page again"


class ConsoleService:
    """Answers what is under `/__console`, out of the files in `root`, and sends browsers that come to `/` there."""

    def __init__(self, issued: tickets.Tickets, guard: Guard, root: Path | None = None) -> None:
        self._tickets = issued
        self._guard = guard
        self._files = Files(Path(mockpbx.__path__[0], "console") if root is None else root)

    def attach(self, app: web.Application, elsewhere: Handler) -> None:
        """Serve these paths of an application; `elsewhere` answers whoever comes to `/` and is no browser."""

        async def at_the_door(request: web.Request) -> web.StreamResponse:
            browser = request.method == "GET" and _accepts(request.headers.get("Accept", ""), "text/html")
            return _elsewhere(f"{BASE}/") if browser else await elsewhere(request)

        app.router.add_route("*", "/", at_the_door)
        for path in (BASE, BASE + r"/{path:[\s\S]*}"):
            app.router.add_route("*", path, self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; what is wrong with it, in plain words."""
        try:
            response = await self._answer(request)
        except PBXError as error:
            response = _words(error.status, str(error))
            if isinstance(error, WrongMethod):
                response.headers["Allow"] = error.allowed
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            response = _words(ServiceFailure.status, ServiceFailure.sentence)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        self._guard.check(request)
        path = path_of(request)
        if path.startswith(tickets.BASE):
            return await self._evidence(request, path.removeprefix(tickets.BASE))
        if request.method not in ("GET", "HEAD"):
            raise WrongMethod(request.method, path, ("GET", "HEAD"))
        if path == BASE:
            return _elsewhere(f"{BASE}/")
        name = path.removeprefix(f"{BASE}/") or INDEX
        file = await self._files.find(name)
        if file is None:
            raise NotFound(f"There is no {path[:200]}; the page is at {BASE}/")
        return _file(request, file)

    async def _evidence(self, request: web.Request, ticket: str) -> web.Response:
        if request.method != "GET":  # a HEAD would use the ticket up
            raise WrongMethod(request.method, tickets.BASE, ("GET",))
        page = self._tickets.redeem(ticket)
        if page is None:
            raise NoTicket
        response = await page()
        response.headers["Cache-Control"] = "no-store"
        return response


def _file(request: web.Request, file: File) -> web.Response:
    headers = {"ETag": f'W/"{file.tag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if any(tag.value in (file.tag, "*") for tag in request.if_none_match or ()):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers["Content-Type"] = file.media_type
    if not _accepts(request.headers.get("Accept-Encoding", ""), "gzip"):
        return web.Response(body=file.body, headers=headers)
    return web.Response(body=file.packed, headers={**headers, "Content-Encoding": "gzip"})


def _accepts(header: str, word: str) -> bool:
    """Tell whether a header such as `gzip, br;q=0` names a word and does not refuse it."""
    weights = {name.strip().lower(): weight for name, _, weight in (part.partition(";") for part in header.split(","))}
    return word in weights and re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weights[word]) is None


def _elsewhere(path: str) -> web.Response:
    headers = {"Location": path, "Cache-Control": "no-store", "Vary": "Accept"}
    return web.Response(status=HTTPStatus.FOUND, headers=headers)


def _words(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n", headers={"Cache-Control": "no-store"})
