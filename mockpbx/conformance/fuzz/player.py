"""A script against a server: what it says is said, and everything that passes is kept.

A witness of its own joins each call as soon as it is placed, so that there is one socket that has seen all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp

from mockpbx.client.address import base_of
from mockpbx.client.packets import Packet, messages_of
from mockpbx.conformance.desk import UNSENT, Desk
from mockpbx.conformance.fuzz.script import (
    NUMBER,
    Answered,
    Ask,
    Close,
    Emit,
    Open,
    Pause,
    Script,
    Send,
    Step,
    filled,
    names_of,
)
from mockpbx.conformance.line import Line
from mockpbx.conformance.run import Options
from mockpbx.conformance.transcript import Acked, Closed, Exchange, Heard, Item, Said, Transcript

WITNESS = "witness"
#: Seconds that a second event, or one that comes too late, has time to come.
LINGER = 0.4
_POLL = 0.25  # s between two looks for a record
#: What stands in the transcript for a websocket message that is no Socket.IO.
RAW = "(a websocket message)"


@dataclass
class Played:
    """What a script came to. `spoilt` are the sockets on which something was sent that is no Socket.IO."""

    script: Script
    options: Options
    transcript: Transcript = field(default_factory=Transcript)
    calls: list[str] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)  # sockets that the script closed
    probes: list[tuple[str, str]] = field(default_factory=list)  # socket, session that no server knows
    auths: dict[str, Any] = field(default_factory=dict)  # what sockets came with, where it was not the right token

    def gone(self) -> set[str]:
        """Return the sockets that were closed before the end, by either side."""
        return self.left | {item.socket for item in self.transcript.of(Closed) if item.by == "server"}

    def of_call(self, session_id: str, socket: str = WITNESS) -> list[Heard]:
        """Return what a socket was told of a call."""
        return [
            heard
            for heard in self.transcript.of(Heard)
            if heard.socket == socket and heard.session_id == session_id and heard.event not in ("newSession",)
        ]


async def play(script: Script, options: Options, http: aiohttp.ClientSession) -> Played:
    """Play a script, end its calls, and see them to their records."""
    player = Player(script, options, http)
    try:
        await player.open(WITNESS, {"token": options.token})
        for step in script:
            await player.step(step)
        await player.finish()
    finally:
        await player.leave()
    return player.played


class Player:
    """One client."""

    def __init__(self, script: Script, options: Options, http: aiohttp.ClientSession) -> None:
        self.played = Played(script, options)
        self._options = options
        self._transcript = self.played.transcript
        self._now = asyncio.get_running_loop().time
        self._http = http
        self._base = base_of(options.url)
        self._desk = Desk(http, self._base, self._now)
        self._lines: dict[str, Line] = {}
        self._all: list[Line] = []
        self._asking: set[asyncio.Task[Exchange]] = set()  # requests without their reply

    async def step(self, step: Step) -> None:
        """Do one thing."""
        match step:
            case Ask():
                await self._ask(step)
            case Open(socket, auth):
                right = {"$right": self._options.token, "$wrong": self._options.wrong_token}
                await self.open(socket, filled(auth, right), foreign=True)
            case Emit(socket, event, arguments, ack):
                await self._emit(await self._line(socket), event, self._filled(list(arguments)), ack=ack)
            case Send(socket, messages):
                line = await self._line(socket)
                self.played.spoilt.add(line.name)
                for message in self._filled(list(messages)):
                    self._transcript.add(Said(self._now(), line.name, RAW, message))
                    await line.send(message)
            case Close(socket):
                if socket in self._lines:
                    line = self._lines.pop(socket)
                    self.played.left.add(line.name)
                    await line.close()
            case Pause(ms):
                await asyncio.sleep(ms / 1_000)
            case Answered():
                await self._answered()

    async def open(self, name: str, auth: Any, *, foreign: bool = False) -> Line:
        """Open a socket; the second one of a name has a number, and so has a life of its own."""
        lives = sum(line.name.partition("-")[0] == name for line in self._all)
        line = Line(f"{name}-{lives + 1}" if lives else name, self._transcript, self._now)
        if foreign:
            self.played.auths[line.name] = auth
        self._lines[name] = line
        self._all.append(line)
        await line.open(self._http, self._base, auth, self._options.reply_within)
        return line

    async def finish(self) -> None:
        """See whether each socket and REST still work, and every call to its record."""
        within = self._options.reply_within
        lines = [line for line in self._all if line.is_open]
        for line in lines:
            session_id = str(uuid4())
            self.played.probes.append((line.name, session_id))
            await line.say("joinRoom", {"sessionId": session_id})
        for name, session_id in self.played.probes:
            await self._heard(name, "roomJoined", session_id, within)
        await self._acked(within)
        for session_id in self.played.calls:
            if not any(heard.event == "hangup" for heard in self.played.of_call(session_id)):
                await self._ask(Ask("POST", "/pbx/hangup", {"sessionId": session_id}))
        for session_id in self.played.calls:
            await self._heard(WITNESS, "hangup", session_id, within)
            await self._heard(WITNESS, "cdr", session_id, self._options.record_within)
            await self._found(session_id, within)
        await self._ask(Ask("GET", "/cdr?limit=1"))
        await asyncio.sleep(LINGER if self.played.calls else 0)

    async def leave(self) -> None:
        """Hang up what may still be up, and close the sockets."""
        if self._asking:  # what was broken off may still have placed a call
            await asyncio.wait(self._asking, timeout=self._options.reply_within)
        ended = [heard.session_id for heard in self._transcript.of(Heard) if heard.event == "hangup"]
        live = [session_id for session_id in self.played.calls if session_id not in ended]
        hang_ups = [self._ask(Ask("POST", "/pbx/hangup", {"sessionId": session_id})) for session_id in live]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.reply_within):
                await asyncio.gather(*hang_ups)
        await asyncio.gather(*(line.close() for line in self._all))

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _ask(self, step: Ask) -> Exchange:
        tokens = {"right": self._options.token, "wrong": self._options.wrong_token, "none": None}
        known = names_of(self.played.calls) | {NUMBER: self._options.number}
        path = step.path
        for name, session_id in known.items():
            path = path.replace(name, session_id)
        asking = self._desk.ask(
            step.method,
            path,
            token=tokens[step.bearer],
            body=UNSENT if step.body == () else step.body if isinstance(step.body, bytes) else filled(step.body, known),
            within=self._options.reply_within,
        )
        # A call rings, even if the script that places it is broken off.
        asked = asyncio.ensure_future(self._kept(asking))
        self._asking.add(asked)
        asked.add_done_callback(self._asking.discard)
        return await asyncio.shield(asked)

    async def _kept(self, asking: Any) -> Exchange:
        exchange: Exchange = self._transcript.add(await asking)
        data = exchange.data
        placed = exchange.method == "POST" and exchange.path.rstrip("/").lower() == "/pbx/call"
        if placed and isinstance(data, dict) and isinstance(data.get("sessionId"), str):
            self.played.calls.append(data["sessionId"])
            witness = self._lines[WITNESS]
            if witness.is_open:
                await witness.say("joinRoom", {"sessionId": data["sessionId"]})
        return exchange

    async def _line(self, socket: str) -> Line:
        line = self._lines.get(socket)
        if line is None or not line.is_open:
            line = await self.open(socket, {"token": self._options.token})
        return line

    async def _emit(self, line: Line, event: str, arguments: list[Any], *, ack: bool) -> None:
        if len(arguments) == 1:
            await line.say(event, arguments[0], ack=ack)
            return
        self._transcript.add(Said(self._now(), line.name, event, arguments[0] if arguments else None))
        await line.send(*messages_of(Packet("event", [event, *arguments])))

    async def _answered(self) -> None:
        if not self.played.calls:
            return
        session_id, witness = self.played.calls[-1], self._lines[WITNESS]

        def fits(item: Item) -> bool:
            if not witness.is_open:
                return True  # nobody will be told
            if not isinstance(item, Heard) or item.socket != WITNESS or item.session_id != session_id:
                return False
            return item.event in ("audio", "hangup") or item.payload.get("status") == "Connected"

        await self._transcript.until(fits, self._options.timeout)

    async def _heard(self, socket: str, event: str, session_id: str, within: float) -> None:
        line = next(line for line in self._all if line.name == socket)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within

        def fits(item: Item) -> bool:
            told = isinstance(item, Heard) and (item.socket, item.event, item.session_id) == (socket, event, session_id)
            return told or not line.is_open

        await self._transcript.until(fits, max(0.0, deadline - loop.time()))

    async def _found(self, session_id: str, within: float) -> None:
        """Ask for a call's record until it is there; the event may come a moment before."""
        path = f"/cdr/{quote(session_id, safe='')}"
        deadline = self._now() + within
        while any(heard.event == "cdr" for heard in self.played.of_call(session_id)):
            found = await self._ask(Ask("GET", path))
            if found.status == 200 or found.failure is not None or self._now() >= deadline:
                return
            await asyncio.sleep(_POLL)

    async def _acked(self, within: float) -> None:
        """Wait for the acknowledgments of sound that is as it should be."""
        lines = {line.name: line for line in self._all}
        for said in [said for said in self._transcript.of(Said) if wants_ack(said)]:
            if lines[said.socket].is_open and said.socket not in self.played.spoilt:
                await lines[said.socket].acked(said, within)

    def _filled(self, values: list[Any]) -> list[Any]:
        known = names_of(self.played.calls) | {NUMBER: self._options.number}
        return [filled(value, known) for value in values]


def wants_ack(said: Said) -> bool:
    """Return whether an event has to be acknowledged: sound with all its fields of the right types."""
    return said.event == "audio" and said.id is not None and is_sound(said) and "audioFormat" in said.payload


def is_sound(said: Said) -> bool:
    """Return whether the payload has sound and a session; a server may take any format for one of its own."""
    match said.payload:
        case {"sessionId": str(), "audioData": bytes(), **others}:
            return isinstance(others.get("audioFormat", ""), str)
        case _:
            return False


def acks_of(played: Played) -> dict[int, Acked]:
    """Return the acknowledgments by the identity of what they acknowledge."""
    return {id(acked.said): acked for acked in played.transcript.of(Acked)}
