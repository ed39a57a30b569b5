"""Dispatch in the order of the hosted stack: body, route, token, validation, handler; one envelope for all errors."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from mockpbx.adapters.http import envelope, path_of, pattern_of, segments_of
from mockpbx.adapters.limits import check_calls
from mockpbx.adapters.rest.body import read_body
from mockpbx.adapters.rest.exchange import Body, Exchange, Params
from mockpbx.adapters.rest.paginate import parse_page
from mockpbx.contract import messages as m
from mockpbx.contract.errors import (
    CallNotInitiated,
    InvalidPhoneNumber,
    NoSuchSession,
    NotFound,
    PBXError,
    ServiceFailure,
    Unauthorized,
)
from mockpbx.contract.operations import OPERATIONS
from mockpbx.contract.validation import read
from mockpbx.domain.magic import REFUSED_NUMBER
from mockpbx.runtime.faults import RequestDropped, RequestRefused
from mockpbx.runtime.identity import new_session_id
from mockpbx.runtime.records import RecordStore
from mockpbx.runtime.settings import ServerSettings
from mockpbx.runtime.switchboard import Switchboard
from mockpbx.runtime.workspace import Workspace
from mockpbx.wire import detail_record

if TYPE_CHECKING:  # what only mutants need is loaded for one
    from mockpbx.runtime.mutants import Mutation

_log = logging.getLogger(__name__)

#: Wall seconds by which a mutant's newSession is ahead of the reply.
_HEAD_START = 0.05
#: What there is to say of a request that a fault has taken.
DROPPED = "A fault closed the connection: there was no reply"
_CORS_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"

Handler = Callable[[Exchange], Awaitable[web.StreamResponse]]


class RestService:
    """Answers every HTTP request that is nobody else's. With a `mutation` it breaks the contract on purpose."""

    def __init__(
        self,
        switchboard: Switchboard,
        store: RecordStore,
        settings: ServerSettings,
        mutation: Mutation | None = None,
    ) -> None:
        self._mutation = mutation
        self._switchboard = switchboard
        self._store = store
        self._settings = settings
        handlers: dict[str, Handler] = {
            "place_call": self._place_call,
            "hang_up": self._hang_up,
            "list_records": self._list_records,
            "get_record": self._get_record,
        }
        assert handlers.keys() == {operation.id for operation in OPERATIONS}, "handlers and operations differ"
        self._routes = [
            (operation, pattern_of(operation.path, any_case=True), handlers[operation.id]) for operation in OPERATIONS
        ]

    def attach(self, app: web.Application) -> None:
        """Serve every path that no other route of the application takes."""
        app.router.add_route("*", r"/{path:[\s\S]*}", self.handle)  # a line feed is part of a path, too
        app.on_shutdown.append(self._let_go)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; whatever happens, in the contract's form."""
        cors = self._cors(request)
        if cors and request.method == "OPTIONS":
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=cors)
        exchange = Exchange(request)
        dropped = None
        try:
            response = await self._answer(exchange)
        except PBXError as error:
            response = envelope(error.status, str(error), None)
        except RequestRefused as refusal:
            response = envelope(refusal.status, refusal.sentence, None)
        except RequestDropped:
            response, dropped = _closed(request), DROPPED
        except BadHttpMessage:
            response = envelope(400, "The request is not valid HTTP", None)
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            response = envelope(ServiceFailure.status, ServiceFailure.sentence, None)
        if not response.prepared:
            if self._mutation is not None:
                response = self._otherwise(request, response, self._mutation)
            response.headers.update(cors)
            if exchange.owner is None:
                self._find_owner(exchange)
            exchange.write(None if dropped else response, dropped)
        return response

    async def _let_go(self, _: web.Application) -> None:
        """The server stops: drop the requests that wait because of a fault."""
        for workspace in self._switchboard:
            workspace.faults.end()

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        request = exchange.request
        exchange.take(await read_body(request, self._settings.body_limit, self._settings.request_timeout))
        handler, exchange.params = self._route(request)
        exchange.belong_to(self._workspace_of(request))
        if not exchange.workspace.faults.quiet:
            await _suffer(exchange)
        return await handler(exchange)

    def _route(self, request: web.Request) -> tuple[Handler, Params]:
        path = path_of(request)
        method = "GET" if request.method == "HEAD" else request.method
        for operation, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and operation.method == method:
                return handler, segments_of(match)
        raise NotFound(f"Cannot {request.method} {path[:200]}")

    def _workspace_of(self, request: web.Request) -> Workspace:
        try:
            return self._switchboard.for_header(request.headers.get("Authorization"))
        except Unauthorized as refusal:
            workspaces = list(self._switchboard)
            if not workspaces or self._holds(refusal):
                raise
            return workspaces[-1]

    def _find_owner(self, exchange: Exchange) -> None:
        """Find out whose request was refused before its token was looked at; one without a good token is nobody's."""
        with suppress(PBXError):
            exchange.belong_to(self._switchboard.for_header(exchange.request.headers.get("Authorization")))

    def _holds(self, refusal: PBXError) -> bool:
        return self._mutation is None or self._mutation.holds("rest", refusal)

    def _otherwise(self, request: web.Request, response: web.StreamResponse, mutation: Mutation) -> web.StreamResponse:
        """Return the reply that a mutant gives in place of this one."""
        from mockpbx.runtime.mutants import Reply

        if not isinstance(response, web.Response) or not response.text:
            return response
        path = request.raw_path.partition("?")[0]
        operation = next((each.path for each, pattern, _ in self._routes if pattern.fullmatch(path)), path)
        method = "GET" if request.method == "HEAD" else request.method
        right = Reply(f"{method} {operation}", response.status, json.loads(response.text))
        reply = mutation.reply(right)
        return web.json_response(reply.body, status=reply.status)

    # --- one method an operation --------------------------------------------------------------------------------------

    async def _place_call(self, exchange: Exchange) -> web.StreamResponse:
        request, workspace, body = exchange.request, exchange.workspace, exchange.body
        try:
            number = _phone_number(body, workspace.settings.phone_pattern)
        except InvalidPhoneNumber as refusal:
            number = str(body.get("phoneNumber", "")) if isinstance(body, dict) else ""
            if self._holds(refusal):
                raise
        if number == REFUSED_NUMBER:
            raise CallNotInitiated
        check_calls(workspace, self._settings.most_calls)
        session_id = new_session_id(workspace.settings.session_id_version)
        workspace.place_call(session_id, number)
        data = m.PlacedCall(phone_number=number, session_id=session_id)
        response: web.StreamResponse = envelope(workspace.settings.success_status, "", data.wire())
        if self._mutation is not None:
            response = self._otherwise(request, response, self._mutation)
            if self._mutation.announces_first():
                workspace.announce(session_id)
                await asyncio.sleep(_HEAD_START)
        response.headers.update(self._cors(request))
        try:
            # The reply leaves before newSession does, as on the hosted service.
            await response.prepare(request)
            await response.write_eof()
        except ConnectionResetError:
            pass  # whoever asked has gone: the call goes on, as on the hosted service
        finally:
            exchange.write(response)
            workspace.announce(session_id)
        return response

    async def _hang_up(self, exchange: Exchange) -> web.StreamResponse:
        workspace = exchange.workspace
        session_id = read(m.HangUpRequest, exchange.body).session_id
        try:
            workspace.hang_up(session_id)
        except NoSuchSession as refusal:
            if not workspace.settings.idempotent_hangup and self._holds(refusal):
                raise
        data = m.TerminatedCall(session_id=session_id)
        return envelope(workspace.settings.success_status, "", data.wire())

    async def _list_records(self, exchange: Exchange) -> web.StreamResponse:
        request, workspace = exchange.request, exchange.workspace
        settings = workspace.settings
        query_string = request.raw_path.partition("?")[2]
        wanted = parse_page(query_string, settings.page_limit, settings.page_limit_max)
        query = wanted.query()
        page = await self._store.page(workspace.key, query if self._mutation is None else self._mutation.query(query))
        reply: dict[str, Any] = {
            "data": [detail_record(row, settings.cause_text).wire() for row in page.rows],
            "meta": wanted.meta(page.total).wire(),
        }
        if settings.page_links:
            reply["links"] = wanted.links(f"{request.scheme}://{request.host}{request.path}", page.total)
        return web.json_response(reply)

    async def _get_record(self, exchange: Exchange) -> web.StreamResponse:
        workspace = exchange.workspace
        stored = await self._store.find(workspace.key, exchange.params["sessionId"])
        return envelope(HTTPStatus.OK, "", detail_record(stored, workspace.settings.cause_text).wire())

    def _cors(self, request: web.Request) -> dict[str, str]:
        origin = self._settings.cors_origin
        if not origin:
            return {}
        headers = {"Access-Control-Allow-Origin": origin}
        if origin != "*":
            headers["Vary"] = "Origin"
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = _CORS_METHODS
            asked = request.headers.get("Access-Control-Request-Headers")
            if asked:
                headers["Access-Control-Allow-Headers"] = asked
        return headers


async def _suffer(exchange: Exchange) -> None:
    """Let the workspace's faults have a request. Raises RequestRefused or RequestDropped."""
    request, body = exchange.request, exchange.body
    named = {**(body if isinstance(body, dict) else {}), **exchange.params}
    session_id, number = (named.get(name) for name in ("sessionId", "phoneNumber"))
    await exchange.workspace.faults.http(
        "GET" if request.method == "HEAD" else request.method,
        request.path,
        session_id if isinstance(session_id, str) else None,
        number if isinstance(number, str) else None,
    )


def _closed(request: web.Request) -> web.Response:
    """Close a request's connection. Returns a response that nobody gets."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _phone_number(body: Body, pattern: str) -> str:
    number = body.get("phoneNumber") if isinstance(body, dict) else None
    if not isinstance(number, str) or not re.fullmatch(pattern, number, re.ASCII) or not number.isprintable():
        raise InvalidPhoneNumber
    return number
