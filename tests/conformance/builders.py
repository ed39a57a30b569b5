"""Conversations made by hand: right ones, and ways to break them by one thing.

Times are seconds of the checker's clock; the service's own clock shows EPOCH when that shows 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from mockpbx.conformance.check import Check, Outcome, Result
from mockpbx.conformance.run import Call, Options, Run, Take
from mockpbx.conformance.runner import judged
from mockpbx.conformance.transcript import Closed, Exchange, Heard, Item, Opened, Said, Transcript

URL = "http://127.0.0.1:1"
NUMBER = "089608675796"
SESSION = "0198355b-f324-718b-95a4-625c43c654bc"
STRANGER = "00000000-0000-7000-8000-000000000000"
EPOCH = datetime(2025, 7, 23, 3, 37, 56, tzinfo=UTC)
TOKEN = "dev"

#: Offsets from the POST: the first status, ringing, the answer.
DIALS, RINGS, ANSWERS = 0.05, 0.55, 2.55
STATUSES = MappingProxyType({"Dialing": DIALS, "Ringing": RINGS, "Connected": ANSWERS})


def shown_time(at: float) -> str:
    """Return a moment as records show it: cut to whole seconds."""
    return (EPOCH + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def heard(at: float, event: str, payload: Any, socket: str = "member") -> Heard:
    """Return an event of the server."""
    return Heard(at, socket, event, (payload,))


def reply(at: float, method: str, path: str, json: Any, body: Any = None, status: int = 200) -> Exchange:
    """Return a request that was answered at once."""
    return Exchange(at - 0.01, at, method, path, TOKEN, body, status, "application/json", "…", json)


def envelope(data: Any) -> dict[str, Any]:
    """Return a reply's envelope."""
    return {"status": 200, "errors": "", "data": data}


def record(
    session_id: str, number: str, started: float, answered: float | None, ended: float, **fields: Any
) -> dict[str, Any]:
    """Return a call's record, its lengths cut from the exact times; `fields` are what else it says."""
    return {
        "sessionId": session_id,
        "destination": number,
        "startTime": shown_time(started),
        "answerTime": None if answered is None else shown_time(answered),
        "endTime": shown_time(ended),
        "duration": int(ended - started),
        "billableSeconds": 0 if answered is None else int(ended - answered),
        "disposition": "ANSWERED" if answered is not None else "CANCEL",
        "hangupBy": "CALLER",
        "hangupCauseCode": 16,
        "hangupCauseText": "Call completed successfully",
    } | fields


def frames(since: float, until: float, session_id: str = SESSION, socket: str = "member") -> list[Heard]:
    """Return a frame of silence every 20 ms."""
    payload = {"sessionId": session_id, "audioData": bytes(320), "audioFormat": "pcm16"}
    return [heard(since + n * 0.02, "audio", payload, socket) for n in range(round((until - since) / 0.02))]


def a_take(
    scene: str,
    *,
    statuses: Sequence[str] = tuple(STATUSES),
    ends: float = 10.25,
    by: str | None = "rest",
    session_id: str = SESSION,
    number: str = NUMBER,
    begun: float = 1.0,
    **fields: Any,
) -> Take:
    """Return a right call, placed at `begun` by the socket `member`, over `ends` seconds behind its POST.

    `by` is who hung up: rest, socket, callee, or None where the service ended it. `fields` go into its record.
    """
    over = begun + ends
    answered = begun + ANSWERS if "Connected" in statuses else None
    row = record(session_id, number, begun + DIALS, answered, over, **fields)
    stored = row | {"createdAt": shown_time(over + 2), "updatedAt": shown_time(over + 2)}
    placed = reply(begun + 0.01, "POST", "/pbx/call", envelope({"phoneNumber": number, "sessionId": session_id}))
    detail = reply(over + 3.1, "GET", f"/cdr/{session_id}", envelope(dict(stored)))
    listed = reply(over + 3.2, "GET", "/cdr", {"data": [dict(stored)], "meta": {"totalItems": 1}})
    items: list[Item] = [
        Opened(0.5, "member"),
        placed,
        heard(begun + 0.02, "newSession", {"sessionId": session_id, "type": "outbound"}),
        Said(begun + 0.03, "member", "joinRoom", {"sessionId": session_id}),
        heard(begun + 0.04, "roomJoined", {"sessionId": session_id, "status": "success"}),
        *(
            heard(begun + STATUSES.get(status, 1.0), "dialStatus", {"sessionId": session_id, "status": status})
            for status in statuses
        ),
        *(frames(answered + 0.01, over, session_id) if answered is not None else ()),
        heard(over + 0.01, "hangup", {"sessionId": session_id}),
        heard(over + 2.0, "cdr", row),
        detail,
        listed,
    ]
    if by == "socket":
        items.append(Said(over, "member", "hangup", {"sessionId": session_id}))
    take = Take(scene, Transcript(sorted(items, key=lambda item: item.at)))
    marks = {"joined": begun + 0.03} | ({"connected": answered} if answered is not None else {})
    marks |= {"hung_up": over} if by in ("rest", "socket") else {}
    take.calls.append(Call(number, placed, session_id, take.transcript, "member", marks, by, None, detail, listed))
    return take


def listening() -> Take:
    """Return the scene `listening` as a right server plays it."""
    take = a_take("listening")
    call = take.call
    left, came, over = 7.55, 8.55, call.marks["hung_up"]
    call.marks["second_left"] = left
    joins = {
        "joined_unknown": Said(1.05, "outsider", "joinRoom", {"sessionId": STRANGER}),
        "joined_again": Said(4.6, "second", "joinRoom", {"sessionId": SESSION}),
        "joined_late": Said(came, "late", "joinRoom", {"sessionId": SESSION}),
    }
    take.facts.update(joins)
    copies = [
        replace(item, socket=socket)
        for item in take.transcript.of(Heard)
        for socket, since, until in (("second", 0, left), ("late", came + 0.02, over + 9))
        if since <= item.at <= until and item.event != "newSession"
    ]
    take.transcript.items += [
        *(Opened(0.4, name) for name in ("outsider", "second")),
        *(replace(item, socket=name) for item in call.heard("newSession") for name in ("outsider", "second")),
        Said(1.031, "second", "joinRoom", {"sessionId": SESSION}),
        Opened(came - 0.01, "late"),
        *joins.values(),
        heard(1.06, "roomJoined", {"sessionId": STRANGER, "status": "failed"}, "outsider"),
        heard(4.61, "roomJoined", {"sessionId": SESSION, "status": "success"}, "second"),
        heard(came + 0.01, "roomJoined", {"sessionId": SESSION, "status": "success"}, "late"),
        Closed(left, "second", "checker", 1000),
        *copies,
    ]
    take.transcript.items.sort(key=lambda item: item.at)
    return take


def cancelled() -> Take:
    """Return the scene `cancelled` as a right server plays it, while the call of `listening` is up."""
    session_id = SESSION.replace("0198", "0199", 1)
    take = a_take("cancelled", statuses=("Dialing",), begun=4.0, ends=0.3, session_id=session_id)
    said = take.facts["joined_ended"] = Said(6.5, "straggler", "joinRoom", {"sessionId": session_id})
    answer = heard(6.51, "roomJoined", {"sessionId": session_id, "status": "failed"}, "straggler")
    take.transcript.items += [Opened(6.4, "straggler"), said, answer]
    take.transcript.items.sort(key=lambda item: item.at)
    return take


def busy() -> Take:
    """Return the scene `busy`: told so 1 s behind the POST, over a second later."""
    return a_take(
        "busy",
        statuses=("Dialing", "Busy"),
        ends=2.2,
        by=None,
        session_id=SESSION.replace("0198", "0200", 1),
        disposition="BUSY",
        hangupBy=None,
        hangupCauseCode=17,
        hangupCauseText="Destination busy",
    )


def no_answer() -> Take:
    """Return the scene `no-answer`: the service gives up."""
    return a_take(
        "no-answer",
        statuses=("Dialing", "Ringing"),
        ends=10.7,
        by=None,
        session_id=SESSION.replace("0198", "0201", 1),
        disposition="NO ANSWER",
        hangupBy=None,
        hangupCauseCode=19,
        hangupCauseText="Destination not answering",
    )


def callee_hangup() -> Take:
    """Return the scene `callee-hangup`."""
    session_id = SESSION.replace("0198", "0202", 1)
    return a_take("callee-hangup", ends=7.6, by="callee", session_id=session_id, hangupBy="CALLEE")


def speaking() -> Take:
    """Return a call that was hung up by its socket."""
    return a_take("speaking", ends=6.75, by="socket", session_id=SESSION.replace("0198", "0203", 1))


def a_run(*takes: Take) -> Run:
    """Return a run of these takes; without any, of one of each scene here."""
    every = takes or (listening(), speaking(), cancelled(), busy(), no_answer(), callee_hangup())
    return Run(Options(URL, TOKEN, NUMBER, "invalid-1"), {take.scene: take for take in every})


# --- how to break them ------------------------------------------------------------------------------------------------

Break = Callable[[Run], None]
Fits = Callable[[Heard], bool]


def edited(run: Run, event: str, edit: Callable[[Heard], Sequence[Heard]], **fields: Any) -> None:
    """Put what `edit` makes of them in place of the events of a name, of these only with such fields."""
    for take in run.takes.values():
        items: list[Item] = []
        for item in take.transcript.items:
            fits = isinstance(item, Heard) and item.event == event
            if fits and all(item.payload.get(name) == value for name, value in fields.items()):
                items += edit(item)
            else:
                items.append(item)
        take.transcript.items[:] = sorted(items, key=lambda item: item.at)


def lost(event: str, **fields: Any) -> Break:
    """Such events never come."""
    return lambda run: edited(run, event, lambda item: [], **fields)


def twice(event: str, **fields: Any) -> Break:
    """Such events come twice."""
    return lambda run: edited(run, event, lambda item: [item, item], **fields)


def renamed(event: str, name: str) -> Break:
    """Such events bear another name."""
    return lambda run: edited(run, event, lambda item: [replace(item, event=name)])


def rewritten(event: str, where: dict[str, Any] | None = None, **fields: Any) -> Break:
    """Fields of such events have other values."""
    return lambda run: edited(
        run, event, lambda item: [replace(item, arguments=(item.payload | fields,))], **(where or {})
    )


def without(event: str, name: str) -> Break:
    """A field is missing from such events."""

    def edit(item: Heard) -> list[Heard]:
        return [replace(item, arguments=({key: value for key, value in item.payload.items() if key != name},))]

    return lambda run: edited(run, event, edit)


def late(event: str, by: float, **fields: Any) -> Break:
    """Such events come some seconds later, or earlier."""
    return lambda run: edited(run, event, lambda item: [replace(item, at=item.at + by)], **fields)


def recorded(change: Callable[[dict[str, Any]], dict[str, Any]], *views: str) -> Break:
    """Records show something else: in these views of `event`, `list` and `detail`, or in all."""

    def apply(run: Run) -> None:
        for call in run.calls():
            if not views or "event" in views:
                edited(
                    run,
                    "cdr",
                    lambda item: [replace(item, arguments=(change(item.payload),))],
                    sessionId=call.session_id,
                )
            if (not views or "detail" in views) and call.detail is not None:
                call.detail = replace(call.detail, json=envelope(change(call.detail.data)))
            if (not views or "list" in views) and call.listed is not None:
                call.listed = replace(call.listed, json=call.listed.json | {"data": [change(call.listed.data[0])]})

    return apply


# --- what the judge says ----------------------------------------------------------------------------------------------


def judge(check: Check, run: Run) -> Result:
    """Return what a check makes of a run."""
    return judged(check, run)


def outcomes(checks: Sequence[Check], run: Run, outcome: Outcome = Outcome.FAILED) -> set[str]:
    """Return the ids of the checks that come to an outcome."""
    return {check.id for check in checks if judged(check, run).outcome is outcome}
