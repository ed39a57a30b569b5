"""A server that stops answering: what was being played then, the likeliest cause first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

from mockpbx.client.address import base_of
from mockpbx.conformance.desk import Desk, new_session
from mockpbx.conformance.fuzz.player import Played
from mockpbx.conformance.run import Options
from mockpbx.conformance.transcript import Closed, Exchange, Item, Opened, Refused, Said

#: Seconds that a server has to come back: whoever supervises it may start it again.
BACK_WITHIN = 5.0
#: Requests and events that are shown of a play, the last before the first sign that nothing answered any more.
LAST = 3
_POLL = 0.25  # s between two knocks


@dataclass(frozen=True, slots=True)
class Gone:
    """The server stopped answering: why, as its clients see it, and what was played then."""

    why: str
    plays: tuple[Played, ...]

    @staticmethod
    def during(why: str, plays: Iterable[Played]) -> Gone:
        """Return what may be the cause: all that reached the server, first whose request waited, or who spoke last."""
        every = list(plays)
        reached = [played for played in every if any(map(_answers, played.transcript.items))] or every
        end = min((item.at for played in reached for item in _signs(played)), default=float("inf"))
        return Gone(why, tuple(sorted(reached, key=partial(_likeliest_first, end=end))))


async def first_reply(options: Options) -> Exchange:
    """Return what comes of the simplest request."""
    async with new_session() as http:
        desk = Desk(http, base_of(options.url), asyncio.get_running_loop().time)
        return await desk.ask("GET", "/cdr?limit=1", token=options.token, within=options.reply_within)


async def why_silent(options: Options, within: float = BACK_WITHIN) -> str | None:
    """Return why nothing answers, and for so many seconds; None where something does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        failure = (await first_reply(options)).failure
        if failure is None or loop.time() >= deadline:
            return failure
        await asyncio.sleep(_POLL)


def last_of(played: Played) -> Sequence[Item]:
    """Return what was last sent before the first sign that nothing answered, and the sign; nothing without one."""
    sign = next(_signs(played), None)
    if sign is None:
        return ()
    before = [item for at, item in _sent(played) if at <= sign.at and item is not sign]
    return (*before[-LAST:], sign)


# --- inside -----------------------------------------------------------------------------------------------------------


def _answers(item: Item) -> bool:
    return isinstance(item, Opened) or (isinstance(item, Exchange) and item.failure is None)


def _signs(played: Played) -> Iterator[Item]:
    """Iterate over what may mean that the server is gone."""
    odd = played.spoilt | set(played.auths)
    for item in played.transcript.items:
        match item:
            case Exchange(failure=str()):
                yield item
            case Refused(answer=None, socket=socket) | Closed(by="server", socket=socket) if socket not in odd:
                yield item


def _likeliest_first(played: Played, end: float) -> tuple[bool, float]:
    sent = [(at, item) for at, item in _sent(played) if at <= end]
    unanswered = any(isinstance(item, Exchange) and item.failure is not None for _, item in sent)
    return not unanswered, -max((at for at, _ in sent), default=float("-inf"))


def _sent(played: Played) -> list[tuple[float, Item]]:
    """Return what the client sent, in order of the times at which it did: a request stands where its reply came."""
    said = [(item.at, item) for item in played.transcript.of(Said)]
    asked = [(item.sent_at, item) for item in played.transcript.of(Exchange)]
    return sorted([*said, *asked], key=itemgetter(0))
