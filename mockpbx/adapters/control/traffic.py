"""The messages between clients and service over HTTP: pages in both directions, long polls, searches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.news import News
from mockpbx.adapters.control.paging import Position
from mockpbx.adapters.control.traffic_messages import MessagesQuery
from mockpbx.contract.errors import InvalidRequest
from mockpbx.runtime.journal_lines import iso
from mockpbx.runtime.passed import Passed
from mockpbx.runtime.traffic import Traffic

Line = dict[str, Any]

#: Size of a page from which on it ends, whatever its limit: who asks for more holds up no call.
LARGEST_PAGE = 1_000_000
#: Size of the messages that are looked at before the calls get their turn.
BREATH = 64_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages are asked for; `words` are the characters in them, as they are and as they stand in JSON."""

    query: MessagesQuery
    words: frozenset[str]

    @classmethod
    def of(cls, query: MessagesQuery) -> Wanted:
        """Return what a query wants."""
        in_json = json.dumps(query.q, ensure_ascii=False)[1:-1]
        return cls(query, frozenset({query.q.casefold(), in_json.casefold()}))

    def __contains__(self, message: Passed) -> bool:
        query = self.query
        if query.call not in (None, message.call) or query.via not in (None, message.via):
            return False
        return query.direction in (None, message.direction) and self._found_in(message)

    def _found_in(self, message: Passed) -> bool:
        parts = (message.name, message.payload, message.reply, message.error, message.call, message.client)
        text = "\n".join(part for part in parts if part).casefold()
        return any(word in text for word in self.words)


class TrafficHandlers:
    """Reads of what passed between a workspace's clients and its service."""

    def __init__(self, news: News) -> None:
        self._news = news

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by their routes' ids."""
        return {"read_messages": self._read}

    async def _read(self, ask: Ask) -> Reply:
        query, traffic = ask.query, ask.workspace.traffic
        _check(query)
        if query.latest is not None or query.before is not None:
            return await _back(traffic, query)
        loop = asyncio.get_running_loop()
        until = loop.time() + query.wait
        position = Position.read(query.after)
        while True:
            page = await _onward(traffic, query, position)
            left = until - loop.time()
            if page["messages"] or page["truncated"] or left <= 0 or self._news.closing:
                return page
            position = Position.read(page["next"])
            if position == Position(traffic.started, traffic.next - 1):
                await self._news.within(left, lambda seconds: _grown(traffic, seconds))


def _check(query: MessagesQuery) -> None:
    ways = {"after": query.after, "before": query.before, "latest": query.latest}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise InvalidRequest(f"{given[0]} and {given[1]} exclude each other: ask with one of after, before and latest")
    if query.wait and "after" not in given and given:
        raise InvalidRequest(f"wait does not go with {given[0]}: what comes next is awaited with after")


async def _grown(traffic: Traffic, seconds: float) -> None:
    grown = traffic.grown()
    try:
        await asyncio.wait({grown}, timeout=seconds)
    finally:
        grown.cancel()


async def _onward(traffic: Traffic, query: MessagesQuery, position: Position) -> Line:
    """Return the page of the first messages after a position."""
    foreign = position.started not in (None, traffic.started) or position.number >= traffic.next
    begin = 0 if foreign else position.number
    kept, first, started, end = traffic.after(begin), traffic.first, traffic.started, traffic.next - 1
    found, looked_at = await _taken(kept, query, query.limit)
    earlier = max(begin + 1, first)
    return _page(traffic, query, found) | {
        "next": str(Position(started, end - len(kept) + looked_at)),
        "previous": earlier if earlier > first else None,
        "first": first,
        "started": started,
        "truncated": foreign or begin + 1 < first,
    }


async def _back(traffic: Traffic, query: MessagesQuery) -> Line:
    """Return the page of the last messages, or of those before a number."""
    first, started, end = traffic.first, traffic.started, traffic.next - 1
    if query.before is not None:
        end = max(min(end, query.before - 1), first - 1)
    kept = traffic.after(0)[: end + 1 - first]
    found, looked_at = await _taken(kept[::-1], query, query.latest or query.limit)
    return _page(traffic, query, found[::-1]) | {
        "next": str(Position(started, end)),
        "previous": end + 1 - looked_at if looked_at < len(kept) else None,
        "first": first,
        "started": started,
        "truncated": False,
    }


async def _taken(messages: Sequence[Passed], query: MessagesQuery, limit: int) -> tuple[list[Line], int]:
    """Return the lines of the first messages that are wanted, as many as a page has, and how many were looked at."""
    lines: list[Line] = []
    wanted, size = Wanted.of(query), 0
    async for index, message in _breathing(messages):
        if message in wanted:
            if len(lines) == limit or size > LARGEST_PAGE:
                return lines, index
            lines.append(line_of(message))
            size += message.size
    return lines, len(messages)


async def _breathing(messages: Sequence[Passed]) -> AsyncIterator[tuple[int, Passed]]:
    size = 0
    for index, message in enumerate(messages):
        size += message.size
        if size > BREATH:
            size = 0
            await asyncio.sleep(0)
        yield index, message


def _page(traffic: Traffic, query: MessagesQuery, lines: list[Line]) -> Line:
    wanted = Wanted.of(query)
    return {"messages": lines, "open": [line_of(run) for run in traffic.growing() if run in wanted]}


def line_of(message: Passed) -> Line:
    """Return a message as JSON (`MessageAbout`)."""
    return {
        "number": message.number,
        "at": message.at,
        "time": iso(message.at),
        "until": message.until,
        "wall": message.wall,
        "direction": message.direction,
        "via": message.via,
        "name": message.name,
        "call": message.call,
        "client": message.client,
        "clients": message.clients,
        "payload": None if message.payload is None else json.loads(message.payload),
        "status": message.status,
        "reply": None if message.reply is None else json.loads(message.reply),
        "shortened": message.shortened,
        "ms": message.ms,
        "count": message.count,
        "bytes": message.bytes,
        "formats": list(message.formats),
        "refused": message.refused,
        "acks": message.acks,
        "error": message.error,
    }
