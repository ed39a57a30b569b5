"""What each deed of the recorded client waited for, and where in a live conversation that is."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque

from mockpbx.cassette.lines import Failed, Line, Opened, Packet, Reply, Request
from mockpbx.cassette.score import Score, is_audio, session_in, side_of

#: Sound that follows sound so closely, in milliseconds, is one stretch: it is a reaction to nothing.
STRETCH = 500.0


class Cues:
    """The recorded server's lines by their place in the score, each with the moment at which the live one came.

    A moment is None where it will not come any more.
    """

    def __init__(self, score: Score) -> None:
        self._score = score
        self.upon = _upon(score)
        self.moments: dict[int, asyncio.Future[float | None]] = {}
        self._places: dict[object, deque[int]] = defaultdict(deque)
        loop = asyncio.get_running_loop()
        for place, line in enumerate(score.lines):
            if is_cue(line):
                self.moments[place] = loop.create_future()
                self._places[_key(line, score.about[place])].append(place)

    def come(self, line: Line, about: str | None) -> None:
        """Take what the live server did; `about` is the recorded session, `line` bears recorded numbers and ids."""
        places = self._places[_key(line, about)]
        while places and self.moments[places[0]].done():
            places.popleft()
        if places:
            self.moments[places.popleft()].set_result(asyncio.get_running_loop().time())
        if isinstance(line, Packet) and line.event in ("hangup", "cdr"):
            self._give_up(about, but=("hangup", "cdr") if line.event == "hangup" else ())

    def give_up(self, about: str | None) -> None:
        """Wait for nothing about a session any more."""
        self._give_up(about, but=())

    def _give_up(self, about: str | None, but: tuple[str, ...]) -> None:
        for place, moment in self.moments.items():
            line = self._score.lines[place]
            last = isinstance(line, Packet) and line.event in but
            if self._score.about[place] == about and isinstance(line, Packet) and not last and not moment.done():
                moment.set_result(None)

    async def moment(self, place: int, patience: float) -> float | None:
        """Return when a line came, or None if it will not, or not within `patience` seconds."""
        moment = self.moments[place]
        await asyncio.wait((moment,), timeout=patience)
        if not moment.done():
            moment.set_result(None)
        return moment.result()


def is_cue(line: Line) -> bool:
    """Tell whether a client may have waited for this: what the server did, but for sound and what acknowledges it."""
    if side_of(line) != "server" or is_audio(line):
        return False
    return isinstance(line, (Reply, Failed)) or (isinstance(line, Packet) and line.type != "ack")


def _key(line: Line, about: str | None) -> object:
    match line:
        case Reply(id=number) | Failed(id=number):
            return "reply", number
        case Packet(type="event", event=event, payload=payload):
            detail = payload if isinstance(payload, dict) and session_in(payload) is not None else {}
            return event, about, detail.get("status"), detail.get("name"), detail.get("digit")
        case Packet(socket=socket):
            return "connected", socket  # or refused: an answer it is
        case _:
            return None


def _upon(score: Score) -> list[int | None]:
    """Return for each line of the client the place of the server's line it was done upon, None where there is none.

    The last one about its session; of all, where it is about none, or a request.
    """
    places: list[int | None] = []
    last: int | None = None
    last_about: dict[str, int] = {}
    sounded: dict[str | None, float] = {}
    for place, (line, about) in enumerate(zip(score.lines, score.about, strict=True)):
        if is_cue(line):
            last = place
            if about is not None:
                last_about[about] = place
        if side_of(line) != "client":
            places.append(None)
        elif isinstance(line, (Opened, Request)) or about is None:
            places.append(last)
        elif is_audio(line) and line.at - sounded.get(about, -STRETCH) < STRETCH:
            places.append(None)
        else:
            places.append(last_about.get(about, last))
        if is_audio(line) and side_of(line) == "client":
            sounded[about] = line.at
    return places
