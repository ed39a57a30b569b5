"""A Socket.IO connection whose every packet is kept with the moment at which its last byte was read.

It speaks websocket only, as the contract's example does (section "Connection Setup"), answers pings, and never
reconnects: what happened, happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import aiohttp

from mockpbx.client.packets import Assembly, Malformed, Packet, messages_of
from mockpbx.client.rest import why
from mockpbx.conformance.transcript import Acked, Closed, Garbled, Heard, Opened, Refused, Said, Transcript

_MOST = 16_000_000  # bytes of a message; the contract's are some 400


class Line:
    """One socket, by its name in the transcript."""

    def __init__(self, name: str, transcript: Transcript, now: Callable[[], float]) -> None:
        self.name = name
        self._transcript = transcript
        self._now = now
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._asked: dict[int, Said] = {}
        self._next_id = 0
        self._entered: asyncio.Future[bool]
        self._leaving = False
        self._dismissed = False

    async def open(self, http: aiohttp.ClientSession, base: str, auth: Any, within: float) -> bool:
        """Return whether the server let the socket in; why not is in the transcript. `auth` None sends no payload."""
        self._entered = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within):
                self._ws = await http.ws_connect(
                    f"{base}/socket.io/?EIO=4&transport=websocket", max_msg_size=_MOST, compress=0
                )
                self._reader = asyncio.create_task(self._read(self._ws, auth))
                return await asyncio.shield(self._entered)  # or the timeout would cancel it for all who ask later
        except TimeoutError:
            self._refuse(None, f"the handshake was not answered within {within:g} s")
        except aiohttp.WSServerHandshakeError as error:
            self._refuse(None, f"the websocket handshake was answered with HTTP {error.status}")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._refuse(None, why(error))
        return False

    @property
    def is_open(self) -> bool:
        """Whether the socket is let in and not closed."""
        if self._ws is None or self._ws.closed or self._dismissed:
            return False
        return self._entered.done() and self._entered.result()

    async def say(self, event: str, payload: Any, *, ack: bool = False) -> Said:
        """Send an event. One that the closed socket does not take is in the transcript all the same."""
        number = None
        if ack:
            number, self._next_id = self._next_id, self._next_id + 1
        said = Said(self._now(), self.name, event, payload, number)
        if number is not None:
            self._asked[number] = said
        self._transcript.add(said)
        await self._send(Packet("event", [event, payload], id=number))
        return said

    async def send(self, *messages: str | bytes) -> None:
        """Send websocket messages as they are, Socket.IO or not; the transcript does not tell of them."""
        if self._ws is None:
            return
        with contextlib.suppress(ConnectionError, aiohttp.ClientError, RuntimeError):
            for message in messages:
                if isinstance(message, str):
                    await self._ws.send_str(message)
                else:
                    await self._ws.send_bytes(message)

    async def acked(self, said: Said, within: float) -> Acked | None:
        """Return the acknowledgment of what was said, None where none comes."""
        item = await self._transcript.until(lambda item: isinstance(item, Acked) and item.said is said, within)
        return item if isinstance(item, Acked) else None

    async def close(self) -> None:
        """Say goodbye."""
        self._leaving = True
        if self._ws is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._ws.close(), 2)
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _send(self, packet: Packet) -> None:
        await self.send(*messages_of(packet))

    async def _read(self, ws: aiohttp.ClientWebSocketResponse, auth: Any) -> None:
        assembly = Assembly()
        async for message in ws:
            at = self._now()
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                break
            try:
                packet = assembly.take(message.data)
                if packet is not None:
                    await self._take(at, packet, auth)
                    self._dismissed = packet.kind in ("disconnect", "close")
            except Malformed as error:
                self._transcript.add(Garbled(at, self.name, repr(message.data)[:400], str(error)))
                self._refuse(None, f"what came is no Socket.IO 5: {error}")
            if self._dismissed:  # the namespace is left, though the transport may stay
                break
        by = "checker" if self._leaving else "server"
        self._refuse(None, "the server closed the connection without a word")
        self._transcript.add(Closed(self._now(), self.name, by, ws.close_code))

    async def _take(self, at: float, packet: Packet, auth: Any) -> None:
        match packet.kind:
            case "open":
                _check_handshake(packet.data)
                await self._send(Packet("connect", auth))
            case "ping":
                assert self._ws is not None
                with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                    await self._ws.send_str("3" + packet.data)
            case "connect" if not self._entered.done():
                self._transcript.add(Opened(at, self.name))
                self._entered.set_result(True)
                if not (isinstance(packet.data, dict) and isinstance(packet.data.get("sid"), str)):
                    raise Malformed("CONNECT is confirmed without a sid, which Socket.IO has had since protocol 5")
            case "connect_error":
                self._refuse(packet.data, "CONNECT_ERROR")
            case "event":
                name, *arguments = packet.data
                self._transcript.add(Heard(at, self.name, name, tuple(arguments)))
            case "ack":
                self._acknowledge(at, packet)

    def _acknowledge(self, at: float, packet: Packet) -> None:
        said = self._asked.pop(packet.id, None) if packet.id is not None else None
        if said is None or not isinstance(packet.data, list):
            raise Malformed("an acknowledgment that nothing asked for, or without arguments")
        self._transcript.add(Acked(at, self.name, said, tuple(packet.data)))

    def _refuse(self, answer: Any, reason: str) -> None:
        if not self._entered.done():
            self._transcript.add(Refused(self._now(), self.name, answer, reason))
            self._entered.set_result(False)


def _check_handshake(text: str) -> None:
    try:
        handshake = json.loads(text)
        good = isinstance(handshake["sid"], str) and handshake["pingInterval"] > 0 and handshake["pingTimeout"] > 0
    except (ValueError, TypeError, KeyError):
        good = False
    if not good:
        raise Malformed("an Engine.IO 4 handshake has sid, pingInterval and pingTimeout")
