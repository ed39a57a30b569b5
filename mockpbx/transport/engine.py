"""Engine.IO sessions (protocol 4), with one ordered way out and one ordered way in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from mockpbx.transport.heart import Heart
from mockpbx.transport.packets import ProtocolError
from mockpbx.transport.polling import MOST_POLLED, Outbox, from_base64
from mockpbx.transport.tasks import spawn, tell
from mockpbx.transport.turns import Turns
from mockpbx.transport.websocket import WebSocket
from mockpbx.transport.wire import Wire

if TYPE_CHECKING:
    from mockpbx.transport.requests import EngineServer

_log = logging.getLogger(__name__)

#: The packets of Engine.IO by their first character: OPEN is 0, a message 4, a binary one `b` and base64 in text.
CLOSE, PING, PONG, MESSAGE, BASE64, NOOP = "1", "2", "3", "4", "b", "6"
PROBE, PROBED, UPGRADE = "2probe", "3probe", "5"
#: What the JavaScript server overlooks: the packets that only a server sends, and an upgrade out of season.
_OVERLOOKED = ("0", UPGRADE, NOOP)

#: Seconds within which an upgrade has to be complete; the session stays with polling otherwise.
UPGRADE_TIMEOUT = 10.0

#: The rest of what is to be done for a packet, where that takes its time.
Handling = Coroutine[Any, Any, None]

_UNHANDLED = "a message of connection %s could not be handled"


class EngineSocket:
    """One Engine.IO session. Whatever leaves goes through `send`, in order, without waiting."""

    def __init__(self, server: EngineServer, sid: str) -> None:
        self.server = server
        self.sid = sid
        self.closed = False
        self.hung = False  # open but dead: see `hang`
        self.wire: Wire | None = None
        self.outbox = Outbox(server.backlog, server.slow_reader_timeout)  # what waits for polls, before the upgrade
        self._websocket: WebSocket | None = None
        self._upgrading: WebSocket | None = None
        self._probed = False  # polls are to return at once, so that the client can upgrade
        self._posts = asyncio.Lock()
        self._turns = Turns()
        self._busy = False  # something that the peer has sent is being handled
        self._begun: Handling | None = None  # what is left to do of the next packet, which was taken as it was read
        self._aside: Wire | None = None  # the wire of a session that hangs
        self._heart = Heart(
            server.ping_interval,
            server.ping_timeout,
            ping=lambda: self._post(PING),
            busy=lambda: self._busy,
            died=self._die,
        )

    @property
    def cut_off(self) -> str | None:
        """Why the peer was cut off, if it was because it did not take what waited for it."""
        return self.outbox.cut_off if self._websocket is None else self._websocket.wire.cut_off

    @property
    def polling(self) -> bool:
        """Whether the session is not on a websocket yet."""
        return self._websocket is None

    @property
    def waiting(self) -> int:
        """Bytes that were sent and still wait in this process for the peer to take them."""
        return self.outbox.size if self.wire is None else self.wire.waiting

    def send(self, message: str | bytes) -> None:
        """Send a message: at once on a websocket, with the next poll before the upgrade."""
        self._post(MESSAGE + message if isinstance(message, str) else message)

    def ping(self) -> asyncio.Future[None]:
        """Ask the peer for a sign of life beside the heartbeat.

        The future is done when the pong is here, and so everything that the peer sent before it has been handled; or
        when the session is over or hangs.
        """
        if self.closed or self.hung:
            answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            answered.set_result(None)
            return answered
        return self._heart.ask()

    def hang(self) -> None:
        """Leave the session open but dead, as when a network in between forgets it, until `recover`.

        Nothing leaves, the heartbeat waits, and whoever handles messages is to handle none.
        """
        if not self.hung:
            if self.wire is not None:
                self.wire.release()  # what was sent before has left
            self.hung, self._aside, self.wire = True, self.wire, None
            self._heart.stop()

    def recover(self) -> None:
        """Let a session that hangs live again, without what was to pass meanwhile. Harmless for any other."""
        if self.hung:
            self.hung = False
            if not self.closed:
                self.wire, self._aside = self._aside, None
                self._heart.start()

    def cut(self) -> None:
        """Drop the connection as a broken network does. A peer that polls has none, and is told that it is closed."""
        if self._websocket is None:
            self._end("transport close")
        else:
            self._websocket.wire.abort()

    async def close(self, reason: str = "forced close") -> None:
        """Close the session. A client that polls is told by its next poll; harmless when closed already."""
        self._end(reason, linger=self.polling and not self.outbox.awaited)
        websocket = self._websocket or self._upgrading
        if websocket is not None:
            await websocket.close()

    # --- The client polls ---------------------------------------------------------------------------------------------

    async def poll(self, gone: Callable[[], bool]) -> list[str | bytes]:
        """Return what waits for a poll, once something does; `gone` tells whether the client has hung up meanwhile.

        Raises ProtocolError, and closes the session, for a poll while another waits.
        """
        if self.outbox.awaited:
            self._end("transport error")
            raise ProtocolError("a second poll beside the first")
        if not self._probed:
            await self.outbox.wait(gone)
            if gone():  # what it was to get is lost
                self._end("transport close")
        packets = [] if self._probed or not self.polling else self.outbox.take(MOST_POLLED)
        if self.closed and not self.outbox:
            self.server.forget(self)
        return packets or [NOOP]

    async def take_post(self, packets: AsyncIterator[str]) -> None:
        """Take the packets of a POST, in order.

        Raises ProtocolError, and closes the session, for a packet that breaks the protocol and for a POST beside
        another one.
        """
        try:
            if self._posts.locked():
                raise ProtocolError("a second POST beside the first")
            async with self._posts:
                await self._take_all(packets)
        except ProtocolError as error:
            self._break(error)
            raise

    # --- The client has a websocket -----------------------------------------------------------------------------------

    async def serve(self, websocket: WebSocket, messages: AsyncIterator[str | bytes] | None = None) -> None:
        """Serve on a websocket until either side closes: from here on everything leaves there."""
        self._websocket = websocket
        for packet in self.outbox.take(len(self.outbox)):
            websocket.wire.send(packet)
        if self.hung:
            self._aside = websocket.wire
        else:
            self.wire = websocket.wire
        websocket.listen(self._take_at_once)
        try:
            await self._take_all(messages or websocket.messages())
        except ProtocolError as error:
            self._break(error)
        finally:
            websocket.listen(None)
            if self._begun is not None:
                self._begun.close()
            self._end("transport close")
            await websocket.close()

    async def upgrade(self, websocket: WebSocket) -> None:
        """Carry a session that polls over to a websocket: probe, then upgrade, then serve.

        A websocket that does not get that far, or is not the first, is closed, and the session stays as it is.
        """
        if self._upgrading is not None or not self.polling or self.closed:
            await websocket.close()
            return
        self._upgrading = websocket
        messages = websocket.messages()
        try:
            async with asyncio.timeout(UPGRADE_TIMEOUT):
                upgraded = await self._probe(websocket, messages)
        except TimeoutError:
            upgraded = False
        except ProtocolError as error:
            _log.info("closed the websocket to which connection %s was to move: %s", self.sid, error)
            upgraded = False
        finally:
            self._upgrading, self._probed = None, False
        if upgraded and not self.closed:
            await self.serve(websocket, messages)
        else:
            await websocket.close()

    async def _probe(self, websocket: WebSocket, messages: AsyncIterator[str | bytes]) -> bool:
        if await anext(messages, None) != PROBE:
            return False
        websocket.wire.send(PROBED)
        self._probed = True
        self.outbox.release()
        if await anext(messages, None) != UPGRADE:
            return False
        async with self._posts:  # what was sent before the upgrade is handled before what comes after it
            return True

    # --- Packets ------------------------------------------------------------------------------------------------------

    async def _take_all(self, packets: AsyncIterator[str | bytes] | AsyncIterator[str]) -> None:
        async for packet in packets:
            self._busy = True
            try:
                await self._take(packet)
            finally:
                self._busy = False
            if self.closed:
                return

    async def _take(self, packet: str | bytes) -> None:
        handling, self._begun = self._begun, None
        if handling is None:
            await self._turns.wait()
        if self.closed:  # as it may be by now: the heartbeat ends a session before what is here is read
            if handling is not None:
                handling.close()
            return
        handling = handling or self._handle(packet)
        if handling is not None:
            await self._finish(handling)
        self._turns.end()

    def _take_at_once(self, packet: str | bytes) -> bool:
        """Take a packet in the moment in which it is read, behind all that came before it.

        Returns False where the session's task is to have it: `_take` goes on with what was begun of it, if anything,
        and finds a session that ended meanwhile.
        """
        if self.closed or not self._turns.begin():
            return False
        try:
            self._begun = self._handle(packet)
        except ProtocolError as error:
            self._break(error)
            return False
        if self._begun is not None:
            return False
        self._turns.end()
        return not self.closed

    def _handle(self, packet: str | bytes) -> Handling | None:
        """Handle a packet; what is returned, if anything, is the rest of that, to be awaited before the next one.

        Raises ProtocolError; whatever else fails is the user's, and the session goes on.
        """
        try:
            # The shape of nearly every packet there is; the rest may take the longer way.
            if isinstance(packet, bytes):
                return self.server.on_message(self, packet)
            if packet[:1] == MESSAGE:
                return self.server.on_message(self, packet[1:])
            return self._handle_other(packet)
        except ProtocolError:
            raise
        except Exception:
            _log.exception(_UNHANDLED, self.sid)
            return None

    def _handle_other(self, packet: str) -> Handling | None:
        kind = packet[:1]
        if kind == PONG:
            self._heart.pong()
        elif kind == CLOSE:
            self._end("transport close", last=NOOP)
        elif kind == BASE64:
            return self.server.on_message(self, from_base64(packet[1:]))
        elif kind not in _OVERLOOKED:
            raise ProtocolError("a packet that Engine.IO does not have, or that only a server sends")
        return None

    async def _finish(self, handling: Handling) -> None:
        try:
            await handling
        except Exception:
            _log.exception(_UNHANDLED, self.sid)

    def _post(self, packet: str | bytes) -> None:
        if self.closed or self.hung:
            return
        if self.wire is not None:
            self.wire.send(packet)
            return
        self.outbox.put(packet)
        if self.outbox.look():
            spawn(self.close("transport error"))

    def _break(self, error: ProtocolError) -> None:
        _log.info("closed connection %s: %s", self.sid, error)
        self._end("parse error")

    def _end(self, reason: str, *, last: str = CLOSE, linger: bool = False) -> None:
        """End the session; a poll that waits gets the `last` packet. Whoever has its websocket closes that."""
        if self.closed:
            return
        self.closed = True
        self._heart.end()
        if self.wire is not None:  # nothing may follow a websocket's close (RFC 6455, section 5.5.1)
            self.wire.release()
            self.wire = None
        if self.polling:
            self.outbox.put(last)
        self.server.forget(self, linger=linger)
        tell(self.server.on_close, self, reason)

    def _die(self) -> None:
        self._end("ping timeout")
        spawn(self.close())
