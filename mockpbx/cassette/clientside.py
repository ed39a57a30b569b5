"""Plays the client's side of a cassette to a server, and records what comes of it.

Each deed keeps its distance from what the recorded client had seen before it; session ids, tokens and numbers are the
live ones. A call that ends early ends its part: nothing more is sent into it.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import aiohttp
from yarl import URL

from mockpbx.cassette.cast import Cast
from mockpbx.cassette.cues import Cues
from mockpbx.cassette.lines import Cassette, Closed, End, Failed, Header, Line, Opened, Packet, Raw, Reply, Request
from mockpbx.cassette.live import LiveSocket, knock
from mockpbx.cassette.score import content_of, is_audio, score_of, session_in, side_of, wire_of, with_text
from mockpbx.cassette.transcription import Answered, Asked, Heard, Passed, Transcriber
from mockpbx.client.address import base_of
from mockpbx.client.packets import messages_of
from mockpbx.client.rest import why

CONNECT_WITHIN = 10.0  # s
SURE = ("dialStatus", "hangup", "cdr")  # events that take as long as the callee does
SOON = 10.0  # s that anything else may come later than it came then
LAST_WORDS = 1.0  # s for the last acks, when all else is over


class ClientSide:
    """`await ClientSide(cassette, url, tokens, numbers).play()` returns the cassette of what happened.

    `tokens` stand for those that the recorded server accepted, in order of appearance; wrong ones are made up.
    `numbers` maps recorded numbers to those to dial. Raises NotEnough where tokens are missing, ConnectionFailed where
    `url` cannot be an address.
    """

    def __init__(
        self,
        cassette: Cassette,
        url: str,
        tokens: Sequence[str],
        numbers: Mapping[str, str] | None = None,
        *,
        speed: float = 1.0,
        patience: float = 60.0,
    ) -> None:
        self.url = base_of(url)
        self.left_out: dict[str, int] = defaultdict(int)  # what could not be done, in words
        self._score = score_of(cassette)
        self._cast = Cast(self._score, tokens, numbers or {})
        self._speed = speed
        self._patience = patience
        self._transcriber = Transcriber(self._cast.redactor())
        self._recorded: list[Line] = []
        self._header = Header(_now(), self.url, version("mockpbx"), cassette.header.redacted)

    @property
    def calls(self) -> int:
        """How many calls this places."""
        return len(self._score.placed)

    async def play(self) -> Cassette:
        """Play it to the end. Raises ConnectionFailed where nothing answers."""
        await knock(self.url)
        self._begun = time.perf_counter()
        self._cues = Cues(self._score)
        self._sockets: dict[int, LiveSocket] = {}
        self._known: dict[str, asyncio.Future[None]] = defaultdict(asyncio.get_running_loop().create_future)
        self._unclaimed: list[Packet] = []  # about sessions whose POST has not been answered yet
        self._ended: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()
        timeout = aiohttp.ClientTimeout(total=self._patience, sock_connect=CONNECT_WITHIN)
        async with aiohttp.ClientSession(
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Content-Type"),
        ) as self._http:
            try:
                async with asyncio.TaskGroup() as group:
                    for track in self._tracks():
                        group.create_task(self._play(track))
                await asyncio.gather(*self._asking)
                await self._hear_out()
            finally:
                await self._leave()
        lines = tuple(self._recorded)
        return Cassette(self._header, (*lines, End(self._now())))

    # --- in time ------------------------------------------------------------------------------------------------------

    def _tracks(self) -> list[list[int]]:
        """Return the places of the client's deeds, those about one session in a track of their own."""
        tracks: dict[str | None, list[int]] = defaultdict(list)
        for place, line in enumerate(self._score.lines):
            if side_of(line) == "client":
                tracks[self._score.about[place]].append(place)
        return list(tracks.values())

    async def _play(self, track: list[int]) -> None:
        loop = asyncio.get_running_loop()
        last_at, last_live = 0.0, loop.time()
        patience = self._patience
        for place in track:
            line = self._score.lines[place]
            due = last_live + (line.at - last_at) / 1000 / self._speed
            upon = self._cues.upon[place]
            if upon is not None:
                cue = self._score.lines[upon]
                sure = isinstance(cue, Packet) and cue.event in SURE
                came = await self._cues.moment(upon, patience if sure else SOON + max(0.0, due - loop.time()))
                if came is None:
                    patience = min(patience, SOON)  # this call goes its own way
                due = last_live if came is None else came + (line.at - cue.at) / 1000 / self._speed
            await asyncio.sleep(max(0.0, due - loop.time()))
            last_at, last_live = line.at, loop.time()
            await self._do(line, self._score.about[place])

    async def _hear_out(self) -> None:
        """Wait for what the server did when the recorded client did nothing more."""
        left = [moment for moment in self._cues.moments.values() if not moment.done()]
        if left and any(live.open for live in self._sockets.values()):
            await asyncio.wait(left, timeout=SOON)
        await asyncio.sleep(LAST_WORDS / self._speed)

    # --- doing --------------------------------------------------------------------------------------------------------

    async def _do(self, line: Line, about: str | None) -> None:
        placing = isinstance(line, Request) and line.id in self._score.placed.values()
        if about in self._score.sessions and about is not None and not placing:
            known = self._known[about]
            await asyncio.wait((known,), timeout=SOON)
            if about not in self._cast.sessions:
                known.cancel()
                self._leave_out("what was about a session that this server did not make")
                return
            if about in self._ended and isinstance(line, Packet):
                self._leave_out("what was sent into a call that had ended already")
                return
        live = with_text(line, self._cast.live)
        match live:
            case Request():
                task = asyncio.create_task(self._ask(live))
                self._asking.add(task)
            case Opened(socket=number):
                await self._connect(number)
            case Packet(socket=number, type="connect"):
                await self._say(number, *messages_of(wire_of(live)))
            case Packet(socket=number):
                await self._settled(number)
                await self._say(number, *messages_of(wire_of(live)))
            case Raw(socket=number, content=content):
                await self._settled(number)
                await self._say(number, content)
            case Closed(socket=number):
                await self._close(number)

    def _leave_out(self, words: str) -> None:
        self.left_out[words] += 1

    def _note(self, passed: Passed) -> list[Line]:
        """Record what passed, with the recorded numbers, and return its lines."""
        lines = [with_text(line, self._cast.recorded) for line in self._transcriber.lines(passed)]
        self._recorded += lines
        return lines

    def _now(self) -> float:
        return (time.perf_counter() - self._begun) * 1000

    # --- requests -----------------------------------------------------------------------------------------------------

    async def _ask(self, request: Request) -> None:
        headers = dict(request.headers)
        if request.token is not None:
            headers.setdefault("authorization", f"Bearer {self._cast.tokens[request.token]}")
        content = content_of(request.body)
        self._note(Asked(self._now(), request.id, request.method, request.path, _titled(headers), content))
        about = next((session for session, number in self._score.placed.items() if number == request.id), None)
        try:
            async with self._http.request(
                request.method,
                URL(self.url + request.path, encoded=True),
                headers=headers,
                data=content or None,
                allow_redirects=False,
            ) as reply:
                answer = await reply.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            lines = self._note(Failed(self._now(), request.id, f"no reply: {why(error)}"))
        else:
            lines = self._note(Answered(self._now(), request.id, reply.status, reply.headers, answer))
        for line in lines:
            if isinstance(line, Reply) and about is not None and isinstance(line.body.json, dict):
                session = session_in(line.body.json.get("data"))
                if session is not None:
                    self._learn(about, session)
            self._cues.come(line, about)
        if about is not None and about not in self._cast.sessions:
            self._cues.give_up(about)

    def _learn(self, recorded: str, live: str) -> None:
        """Learn the live id of a session, and take what was already said about it."""
        self._cast.sessions[recorded] = live
        if not self._known[recorded].done():
            self._known[recorded].set_result(None)
        unclaimed, self._unclaimed = self._unclaimed, []
        for packet in unclaimed:
            self._take(packet)

    # --- sockets ------------------------------------------------------------------------------------------------------

    async def _connect(self, number: int) -> None:
        def hear(message: str | bytes) -> None:
            for line in self._note(Heard(self._now(), number, "server", message)):
                if isinstance(line, Packet):
                    self._take(line)

        def ended(code: int) -> None:
            self._note(Closed(self._now(), number, "server", code))

        live = self._sockets[number] = LiveSocket(hear, ended)
        trouble = await live.connect(self._http, f"{self.url}/socket.io/?EIO=4&transport=websocket")
        if trouble is not None:
            self._leave_out(f"a socket that could not be opened: {trouble}")

    async def _settled(self, number: int) -> None:
        """Wait until the server has taken, or refused, the socket."""
        if number in self._sockets:
            await asyncio.wait((self._sockets[number].settled,), timeout=SOON)

    async def _say(self, number: int, *messages: str | bytes) -> None:
        live = self._sockets.get(number)
        if live is None or not live.open:
            self._leave_out("what was sent on a socket that the server had closed")
            return
        for message in messages:
            self._note(Heard(self._now(), number, "client", message))
            await live.say(message)

    async def _close(self, number: int) -> None:
        live = self._sockets.get(number)
        if live is not None:
            if live.open:
                self._note(Closed(self._now(), number, "client", 1000))
            await live.close()

    def _take(self, packet: Packet) -> None:
        """Take what the server sent for what the recorded one did."""
        if packet.type in ("connect", "connect_error"):
            self._sockets[packet.socket].settle()
        about, named = self._cast.session(packet), session_in(packet.payload)
        if about is None and named is not None and packet.event == "newSession" and _is_inbound(packet):
            about = self._cast.next_inbound()
            if about is not None:
                self._learn(about, named)
        if about is None and named is not None:
            self._unclaimed.append(packet)
            return
        if about is not None and packet.event == "hangup":
            self._ended.add(about)
        if not is_audio(packet) and packet.type != "ack":
            self._cues.come(packet, about)

    async def _leave(self) -> None:
        for task in self._asking:
            task.cancel()
        for number in list(self._sockets):
            await self._close(number)


def _is_inbound(packet: Packet) -> bool:
    return isinstance(packet.payload, dict) and packet.payload.get("type") == "inbound"


def _titled(headers: Mapping[str, str]) -> dict[str, Any]:
    return {name.title(): value for name, value in headers.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
