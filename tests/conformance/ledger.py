"""The records of a service that is right but for what a test makes wrong, and a visit of the scene to it."""

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mockpbx.conformance.run import Call, Options, Run, Take
from mockpbx.conformance.scenes.records import RECORDS
from mockpbx.conformance.stage import Unplayable
from mockpbx.conformance.transcript import Exchange, Heard

NUMBER = "089608675796"
_NOON = datetime(2025, 7, 23, 12, 0, tzinfo=UTC)


def row(place: int, duration: int, billable: int | None, number: str = NUMBER, **fields: Any) -> dict[str, Any]:
    """Return the record of the call that was placed so many minutes past noon."""
    begun = _NOON + timedelta(minutes=place)
    ended = begun + timedelta(seconds=duration)
    written = {
        "startTime": begun,
        "answerTime": None if billable is None else ended - timedelta(seconds=billable),
        "endTime": ended,
        "createdAt": ended + timedelta(seconds=2),
    }
    times = {name: moment and f"{moment:%Y-%m-%dT%H:%M:%S}.000Z" for name, moment in written.items()}
    whole = {"sessionId": f"session-{place}", "destination": number, "duration": duration}
    return whole | {"billableSeconds": billable or 0} | times | fields


OURS = (row(1, 11, 8), row(2, 0, None), row(3, 24, 20), row(4, 5, None, "0817"), row(5, 11, 3))


def met(found: Any, asked: str, value: str) -> bool:
    """Return whether a field meets a statement, as the contract means it; what is empty meets none."""
    if found is None:
        return False
    if asked == "$contains":
        return value in found
    compare = {"$eq": operator.eq, "$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}
    return compare[asked](found, value if isinstance(found, str) else int(value))


@dataclass
class Ledger:
    """What it does. Each field is right as it is."""

    rows: list[dict[str, Any]] = field(default_factory=lambda: [*OURS])
    most: int = 100
    keeps: Callable[[dict[str, Any], str, str, str], bool] = lambda row, field, asked, value: met(
        row[field], asked, value
    )
    together: Callable[[list[bool]], bool] = all
    first: Callable[[int], int] = lambda page: page
    limit: Callable[[int], int] = lambda limit: limit
    order: Callable[[list[Any]], list[Any]] = lambda rows: rows[::-1]
    heeds: Callable[[list[Any], int], list[Any]] = lambda statements, page: statements
    finds: Callable[[list[Any], list[Any]], list[Any]] = lambda rows, statements: rows
    counts: Callable[[list[Any], list[Any]], int] = lambda found, rows: len(found)
    body: Callable[[dict[str, Any]], Any] = lambda body: body
    grows: Callable[[int], dict[str, Any]] | None = None
    refused: Callable[[str], int] = lambda path: 200
    asked: int = 0

    def get(self, path: str) -> tuple[int, Any]:
        self.asked += 1
        if self.grows is not None:
            self.rows.append(self.grows(self.asked))
        query = parse_qs(urlsplit(path).query)
        limit = self.limit(min(int(query.get("limit", [self.most])[0]), self.most))
        page = self.first(int(query.get("page", ["1"])[0]))
        statements = [(name[7:], *text.split(":", 1)) for name, some in query.items() if "." in name for text in some]
        heeded = self.heeds(statements, page)
        found = [row for row in self.order(self.rows) if self.together([self.keeps(row, *one) for one in heeded])]
        found = self.finds(found, statements)
        total = self.counts(found, self.rows)
        meta = {"itemsPerPage": limit, "totalItems": total, "currentPage": page, "sortBy": [["id", "DESC"]]}
        meta["totalPages"] = -(-total // limit)
        shown = found[max(page - 1, 0) * limit :][:limit]
        return self.refused(path), self.body({"data": shown, "meta": meta})

    def detail(self, path: str) -> tuple[int, Any]:
        session_id = path.removeprefix("/cdr/")
        found = next((row for row in self.rows if row["sessionId"] == session_id), None)
        return 200, {"status": 200, "errors": "", "data": found}


class Visit:
    """What the scene acts with: the ledger answers."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.options = Options("http://127.0.0.1", "dev", NUMBER, "invalid")
        self.take = Take("records")
        self.transcript = self.take.transcript

    async def ask(self, method: str, path: str, body: Any = None) -> Exchange:
        if method == "POST":
            status, reply = 404, {"status": 404, "errors": "No live call has this sessionId", "data": None}
        elif path.startswith("/cdr/"):
            status, reply = self.ledger.detail(path)
        else:
            status, reply = self.ledger.get(path)
        at = float(len(self.transcript.items))
        text = json.dumps(reply)
        return self.transcript.add(
            Exchange(at, at, method, path, "dev", body, status, "application/json", text, json.loads(text))
        )


async def visited(ledger: Ledger) -> Run:
    """Return an examination that saw the records of this ledger, and of the calls before them what is their own."""
    visit = Visit(ledger)
    try:
        await RECORDS.play(visit)
    except Unplayable as reason:
        visit.take.trouble = str(reason)
    return Run(visit.options, {"records": visit.take, "listening": _calls()})


def _calls() -> Take:
    take = Take("listening")
    for place, own in enumerate(OURS):
        placed = Exchange(10.0 * place, 10.0 * place, "POST", "/pbx/call", "dev", None, 200)
        take.calls.append(Call(own["destination"], placed, own["sessionId"], take.transcript, "member"))
        take.transcript.add(Heard(10.0 * place + 9, "member", "cdr", ({"sessionId": own["sessionId"]},)))
    return take
