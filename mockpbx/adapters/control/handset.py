"""The handset of a call over a websocket: 20 ms of pcm16 both ways, and a few words of JSON beside them."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from mockpbx.adapters.control import messages as m
from mockpbx.adapters.control.admission import ADMIN_HEADER, AdminTokenRequired, admit
from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.emulator import Emulator
from mockpbx.contract.errors import InvalidRequest, PBXError, ServiceFailure, Unauthorized
from mockpbx.contract.validation import read
from mockpbx.media.framing import FRAME_BYTES, FRAME_MS
from mockpbx.runtime.handsets import OutOfReach
from mockpbx.runtime.switchboard import SCHEME
from mockpbx.runtime.workspace import CATCH_UP, Workspace
from mockpbx.transport.turns import Turns
from mockpbx.transport.websocket import MOST_CONTROL_FRAMES

if TYPE_CHECKING:
    from mockpbx.runtime.handset import Farewell, Handset

_log = logging.getLogger(__name__)

#: Wall seconds that a page has for its first message, for its answer to a ping, and for its goodbye.
FIRST_WITHIN, PING_EVERY, GOODBYE = 10.0, 15.0, 1.0
#: The longest piece of sound in bytes, half a second, and the longest message that is read at all.
LONGEST_SOUND, LONGEST_MESSAGE = 8_192, 65_536
#: Bytes of sound that wait for a page that does not read, half a second; and what the kernel may hold of it.
BACKLOG, KERNEL_BACKLOG = 25 * FRAME_BYTES, 16_384
#: What a page is told at most at once: the frames of a late tick, which leave together, and some words.
BURST = CATCH_UP // FRAME_MS + 16

Told = dict[str, object]


class NoWebsocket(InvalidRequest):
    """A plain request for what is a websocket."""

    sentence = 'This is a websocket: open it as one, and send {"token": "..."} as its first message'


class HandsetPage:
    """A page that holds a handset, or asks for one: what it is told waits here until the socket takes it.

    Sound is dropped where it cannot leave, so that a page which does not read costs nothing and hears no old sound.
    """

    def __init__(self, channel: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._channel = channel
        self._transport = transport
        self._waiting: deque[bytes | Told] = deque(maxlen=BURST)
        self._more = asyncio.Event()
        self._code: int | None = None

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of the call."""
        self._waiting.append(frame)
        self._more.set()

    def voice(self, talking: bool) -> None:
        """Learn whether the microphone speaks, or something in its place."""
        self.tell({"type": "talking" if talking else "scenario"})

    def dismiss(self, why: Farewell, sentence: str) -> None:
        """Learn that the handset is not its own any more."""
        refused: Told = {"type": "refused", "reason": "clock", "message": sentence}
        self.tell(refused if why == "clock" else {"type": why}, WSCloseCode.OK)

    def tell(self, words: Told, code: int | None = None) -> None:
        """Tell it something, and close the socket behind it where there is a `code` for that."""
        self._waiting.append(words)
        self.leave(code)

    def begin(self, words: Told) -> None:
        """Tell it what it waits for, before anything that it was told while it was being let in."""
        self._waiting.appendleft(words)
        self._more.set()

    def leave(self, code: int | None = WSCloseCode.OK) -> None:
        """Close the socket behind what has been told, with the first code that there is."""
        self._code = code if self._code is None else self._code
        self._more.set()

    async def write(self) -> None:
        """Send what is told, until the socket is to close."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                told = self._waiting.popleft()
                if isinstance(told, dict):
                    await self._channel.send_json(told)
                elif self._transport.get_write_buffer_size() < BACKLOG:
                    await self._channel.send_bytes(told)
            if self._code is not None:
                await self._channel.close(code=self._code)
                return


class HandsetHandlers:
    """The websocket under `/__admin/calls/ID/handset`."""

    first_within = FIRST_WITHIN

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._pages: set[HandsetPage] = set()

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by their routes' ids."""
        return {"handset": self._handset}

    def close(self) -> None:
        """End every websocket."""
        for page in self._pages:
            page.leave(WSCloseCode.GOING_AWAY)

    async def _handset(self, ask: Ask) -> Reply:
        request = ask.request
        channel = web.WebSocketResponse(
            timeout=GOODBYE, heartbeat=PING_EVERY, compress=False, autoping=False, max_msg_size=LONGEST_MESSAGE
        )
        transport = request.transport
        if not channel.can_prepare(request) or transport is None:
            raise NoWebsocket
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BACKLOG)
        await channel.prepare(request)
        page = HandsetPage(channel, transport)
        writing = asyncio.ensure_future(page.write())
        self._pages.add(page)
        try:
            await self._serve(ask, channel, page)
        finally:
            self._pages.discard(page)
            page.leave()
            await asyncio.wait([writing])
            _retrieve(writing)
            if transport.get_write_buffer_size():
                transport.abort()  # it does not read: nothing is to wait for it
        return channel

    async def _serve(self, ask: Ask, channel: web.WebSocketResponse, page: HandsetPage) -> None:
        """Hold a call for a page, until one of the three is gone."""
        messages = _messages(channel)
        try:
            workspace, handset = await self._pick_up(ask, messages, page)
            try:
                async for message in messages:
                    _take(message, workspace, handset)
            finally:
                workspace.handsets.put_down(handset)
        except PBXError as error:
            page.tell(_refusal(error), WSCloseCode.POLICY_VIOLATION)
        except Exception:
            _log.exception("a handset failed")
            page.tell(_refusal(ServiceFailure()), WSCloseCode.INTERNAL_ERROR)

    async def _pick_up(
        self, ask: Ask, messages: AsyncIterator[WSMessage], page: HandsetPage
    ) -> tuple[Workspace, Handset]:
        """Return the call that the first message asks for, in its hand. Raises PBXError."""
        try:
            async with asyncio.timeout(self.first_within):
                message = await anext(messages, None)
        except TimeoutError:
            raise InvalidRequest(
                f'Nothing came within {self.first_within:g} s: send {{"token": "..."}} first'
            ) from None
        hello = read(m.HandsetHello, _json(message))
        headers = ask.request.headers
        admit(self._emulator.server.admin_token, hello.admin_token or headers.get(ADMIN_HEADER) or "")
        shown = f"{SCHEME} {hello.token}" if hello.token is not None else headers.get("Authorization")
        workspace = self._emulator.switchboard.for_header(shown)
        handset = workspace.handsets.pick_up(ask.session_id, page, take_over=hello.take_over)
        view = workspace.calls.find(ask.session_id)
        assert view is not None, "it was picked up"
        page.begin({"type": "ready", "status": view.status, "talking": handset.talking})
        return workspace, handset


async def _messages(channel: web.WebSocketResponse) -> AsyncIterator[WSMessage]:
    """Yield what a page sends, with a turn for everybody else where much of it is here. Raises InvalidRequest.

    aiohttp would answer pings without a turn, however many there are.
    """
    turns, control_frames = Turns(), 0
    async for message in channel:
        if message.type not in (WSMsgType.PING, WSMsgType.PONG):
            control_frames = 0
            await turns.wait()
            yield message
            turns.end()
            continue
        control_frames += 1
        if control_frames > MOST_CONTROL_FRAMES:
            raise InvalidRequest(f"The websocket's own pings and pongs were too many: {MOST_CONTROL_FRAMES} in a row")
        if message.type is WSMsgType.PING:
            await channel.pong(message.data)
        await asyncio.sleep(0)


def _take(message: WSMessage, workspace: Workspace, handset: Handset) -> None:
    """Take a message of a page that holds a call. Raises InvalidRequest."""
    match message.type:
        case WSMsgType.BINARY:
            handset.microphone.push(_sound(message.data))
        case WSMsgType.TEXT:
            asked = _json(message)
            if not isinstance(asked, dict) or asked.get("type") != "talk":
                raise InvalidRequest('The message is not valid: expected {"type": "talk"}, or sound as binary')
            workspace.handsets.talk(handset)


def _sound(data: bytes) -> bytes:
    if len(data) % 2 or len(data) > LONGEST_SOUND:
        raise InvalidRequest(
            f"The sound is not valid: expected pcm16, an even number of bytes up to {LONGEST_SOUND}, "
            f"{FRAME_BYTES} for 20 ms; got {len(data)} bytes"
        )
    return data


def _json(message: WSMessage | None) -> object:
    if message is None or message.type is not WSMsgType.TEXT:
        raise InvalidRequest('The first message must be text: JSON such as {"token": "..."}')
    try:
        return json.loads(message.data)
    except (ValueError, RecursionError):
        raise InvalidRequest("The message is not valid JSON") from None


def _refusal(error: PBXError) -> Told:
    reason = _reason(error)
    if reason is None:
        return {"type": "error", "message": str(error)}
    return {"type": "refused", "reason": reason, "message": str(error)}


def _reason(error: PBXError) -> str | None:
    match error:
        case OutOfReach(reason=reason):
            return reason
        case AdminTokenRequired():
            return "admin"
        case Unauthorized():
            return "token"
        case _:
            return None


def _retrieve(writing: asyncio.Future[None]) -> None:
    error = None if writing.cancelled() else writing.exception()
    if error is not None and not isinstance(error, ConnectionError):
        _log.error("a handset's socket could not be written", exc_info=error)
