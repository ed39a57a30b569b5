"""The journal over HTTP: pages, long polls, a stream, and searches."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.news import News
from mockpbx.adapters.control.paging import Answer, Position, Question, answer, breathing, edges, page, pattern_of
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.journal_lines import line_of
from mockpbx.runtime.workspace import Workspace, wall_ms

#: Entries that are written to a stream at a time.
BATCH = 100


class JournalHandlers:
    """Reads of a workspace's journal.

    A stream has no queue of its own: it reads on where its client left off, as far as the journal still reaches back,
    and says so where it does not. So a reader may be as slow as it likes, and costs nothing.
    """

    heartbeat = 15.0  # wall seconds between two comments in a stream that has nothing to tell
    patience = 1.0  # wall seconds that a reader gets for what is left at the end

    def __init__(self, news: News) -> None:
        self._news = news
        self._streams: set[asyncio.Timeout] = set()

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by their routes' ids."""
        return {
            "read_journal": self._read,
            "stream_journal": self._stream,
            "find_entries": self._find,
            "count_entries": self._count,
        }

    def close(self) -> None:
        """End every stream, once it has told what there is."""
        for stream in self._streams:
            stream.reschedule(asyncio.get_running_loop().time() + self.patience)

    async def _read(self, ask: Ask) -> Reply:
        query, workspace = ask.query, ask.workspace
        question = Question.of(query.after, query.call, query.kind)
        loop = asyncio.get_running_loop()
        until = loop.time() + query.wait
        while True:
            reply, _ = await page(workspace, question, query.limit)
            left = until - loop.time()
            if reply["entries"] or reply["truncated"] or left <= 0 or self._news.closing:
                return reply
            question = question.behind(Position.read(reply["next"]))
            await self._grown(workspace, question, left)

    async def _find(self, ask: Ask) -> Reply:
        body = ask.body
        question = Question.of(body.after, body.call, body.kind)
        reply, _ = await page(ask.workspace, question, body.limit, pattern_of(body.pattern, body.kind))
        return reply

    async def _count(self, ask: Ask) -> Reply:
        body = ask.body
        question = Question.of(body.after, body.call, body.kind)
        wanted = pattern_of(body.pattern, body.kind)
        found = answer(ask.workspace, question)
        count = 0
        async for entry in breathing(found.entries):
            count += question.about(entry) and wanted(line_of(entry))
        return {"count": count, **edges(found, found.end)}

    # --- the stream ---------------------------------------------------------------------------------------------------

    async def _stream(self, ask: Ask) -> Reply:
        query, request = ask.query, ask.request
        question = Question.of(request.headers.get("Last-Event-ID") or query.after, query.call, query.kind)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        response.headers["X-Accel-Buffering"] = "no"  # proxies are to pass on what there is
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            async with asyncio.timeout(None) as limit:
                self._streams.add(limit)
                await self._tell(response, ask.workspace, question)
        except (ConnectionError, TimeoutError):  # its client is gone, or reads nothing and must not hold up the end
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._streams.discard(limit)
        return response

    async def _tell(self, response: web.StreamResponse, workspace: Workspace, question: Question) -> None:
        told = question.after
        while True:
            found = answer(workspace, question)
            if found.truncated:
                await response.write(_event("truncated", edges(found, found.end)))
            for batch in _batches([entry for entry in found.entries if question.about(entry)]):
                await response.write(b"".join(_entry(entry, found) for entry in batch))
                told = Position(found.started, batch[-1].number)
                await asyncio.sleep(0)
            question = question.behind(found.end)
            if self._news.closing:
                return
            while not await self._grown(workspace, question, self.heartbeat):
                # What was passed over is not to be asked for again; an event without data is not shown to anybody.
                await response.write(b":\n\n" if told == question.after else f":\nid: {question.after}\n\n".encode())
                told = question.after
                workspace.used_at = wall_ms()

    async def _grown(self, workspace: Workspace, question: Question, seconds: float) -> bool:
        after = question.after
        return await self._news.wait(workspace.journal, after.started, after.number, seconds)


def _batches(entries: list[Entry]) -> list[list[Entry]]:
    return [entries[start : start + BATCH] for start in range(0, len(entries), BATCH)]


def _entry(entry: Entry, found: Answer) -> bytes:
    return f"id: {Position(found.started, entry.number)}\n".encode() + _event(entry.kind, line_of(entry))


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
