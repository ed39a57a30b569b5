"""What differs between two recordings is told, and nothing else is."""

from dataclasses import replace

import pytest

from mockpbx.cassette.clientside import ClientSide
from mockpbx.cassette.comparison import Difference, as_json, compare
from mockpbx.cassette.lines import Body, Cassette, Closed, Line, Packet, Reply
from mockpbx.cassette.score import with_text


def changed(cassette: Cassette, change) -> Cassette:
    """Return the cassette with each line changed; None takes it out, a list puts more in its place."""
    lines: list[Line] = []
    for line in cassette.lines:
        after = change(line)
        lines += after if isinstance(after, list) else [] if after is None else [after]
    return replace(cassette, lines=tuple(lines))


def is_event(line: Line, event: str, **fields) -> bool:
    told = isinstance(line, Packet) and line.sender == "server" and line.event == event
    return told and all(line.payload[name] == value for name, value in fields.items())


def with_fields(line: Packet, **fields) -> Packet:
    return replace(line, data=[line.payload | fields])


def reply_to(cassette: Cassette, path: str) -> int:
    return next(line.id for line in cassette.lines if line.kind == "request" and line.path.startswith(path))


def test_a_recording_differs_from_itself_in_nothing(two_calls):
    assert compare(two_calls, two_calls) == []


def test_times_and_ids_are_no_difference(two_calls):
    def later(text: str) -> str:
        return text.replace("2026-11-23T08", "2031-01-01T23")

    sessions = [line.payload["sessionId"] for line in two_calls.lines if is_event(line, "newSession")]

    def elsewhere(line: Line) -> Line:
        for number, session in enumerate(sessions):
            line = with_text(line, lambda text, old=session, new=f"call-{number}": text.replace(old, new))
        return replace(with_text(line, later), at=line.at * 1.02 + 1000)

    assert compare(two_calls, changed(two_calls, elsewhere)) == []


@pytest.mark.parametrize(
    ("change", "where", "a", "b"),
    [
        (
            lambda line: None if is_event(line, "dialStatus", status="Ringing") else line,
            "session 1, events on socket 1",
            "dialStatus 'Ringing'",
            "nothing",
        ),
        (
            lambda line: [line, line] if is_event(line, "hangup") else line,
            "session 1, events on socket 1",
            "nothing",
            "hangup",
        ),
        (
            lambda line: with_fields(line, digit=5) if is_event(line, "dtmf") else line,
            "session 1, events on socket 1, dtmf '5': digit",
            "'5'",
            "5",
        ),
        (
            lambda line: with_fields(line, hangupBy="CALLEE") if is_event(line, "cdr", hangupBy="CALLER") else line,
            "session 1, events on socket 1, cdr: hangupBy",
            "'CALLER'",
            "'CALLEE'",
        ),
        (
            lambda line: with_fields(line, duration=9) if is_event(line, "cdr", disposition="BUSY") else line,
            "session 2, events on socket 1, cdr: duration",
            "1 for 1.5 s",
            "9 for 1.5 s",
        ),
        (
            lambda line: (
                with_fields(line, audioData=line.payload["audioData"][:160]) if is_event(line, "audio") else line
            ),
            "session 1, sound on socket 1, Connected",
            "320 bytes of 'pcm16'",
            "160 bytes of 'pcm16'",
        ),
        (
            lambda line: None if is_event(line, "audio") and int(line.at) % 2 else line,
            "session 1, sound on socket 1, Connected",
            " frames, ",
            " frames, ",
        ),
        (
            lambda line: replace(line, data=[{"success": True}]) if getattr(line, "type", "") == "ack" else line,
            "session 1, acks of audio, ack: error",
            "None",
            "no such field",
        ),
        (
            lambda line: replace(line, status=201) if isinstance(line, Reply) and line.id == 1 else line,
            "reply to POST /pbx/call for '089608675796'",
            "status 200",
            "status 201",
        ),
        (
            lambda line: (
                replace(line, headers={"content-type": "text/html"}, body=Body(raw="<html>"))
                if isinstance(line, Reply) and line.id == 2
                else line
            ),
            "reply to GET /cdr/session 1: content-type",
            "'application/json'",
            "'text/html'",
        ),
        (
            lambda line: [Closed(line.at, 1, "server", 1011), line] if line.kind == "end" else line,
            "socket 1",
            "nothing",
            "closed by the server",
        ),
    ],
)
def test_a_difference_is_told_where_it_is(two_calls, change, where, a, b):
    told = compare(two_calls, changed(two_calls, change))
    assert told
    assert (told[0].where, a in told[0].a, b in told[0].b) == (where, True, True), told


def test_a_call_that_lasted_longer_counts_longer(two_calls):
    hangup = next(line.at for line in two_calls.lines if is_event(line, "hangup"))

    def longer(line: Line) -> Line:
        at = line.at + 60_000 if line.at >= hangup else line.at
        if is_event(line, "cdr", disposition="ANSWERED"):
            line = with_fields(line, duration=63, billableSeconds=60)
        return replace(line, at=at)

    assert [it for it in compare(two_calls, changed(two_calls, longer)) if "reply" not in it.where] == []


def test_calls_that_one_of_them_knows_beside_are_no_difference(two_calls):
    number = reply_to(two_calls, "/cdr?limit=10")

    def with_history(line: Line) -> Line:
        if not isinstance(line, Reply) or line.id != number:
            return line
        body = line.body.json
        other = body["data"][0] | {"sessionId": "another-call", "destination": "0811"}
        return replace(
            line, body=Body(body | {"data": [*body["data"], other], "meta": body["meta"] | {"totalItems": 7}})
        )

    assert compare(two_calls, changed(two_calls, with_history)) == []


def test_asking_for_a_record_more_often_is_a_matter_of_time(two_calls):
    number = reply_to(two_calls, "/cdr/")
    twice = changed(two_calls, lambda line: [line, line] if isinstance(line, Reply) and line.id == number else line)
    assert compare(two_calls, twice) == []


@pytest.mark.parametrize(
    ("mutant", "where"),
    [
        ("frames-of-160-bytes", "session 1, sound on socket 1, Connected"),
        ("ringing-skipped", "session 1, events on socket 1"),
        ("ack-without-error", "session 1, acks of audio, ack: error"),
        ("busy-as-failed", "reply to GET /cdr?limit=10: body.data[0].disposition"),
        ("any-socket-token-accepted", "socket 2"),
    ],
)
async def test_a_server_that_breaks_the_contract_is_told_from_one_that_keeps_it(serve, two_calls, mutant, where):
    pbx = await serve(clock="10x", mutant=mutant)
    live = await ClientSide(two_calls, pbx.url, ["dev"], speed=10, patience=5).play()
    assert where in [difference.where for difference in compare(two_calls, live)]


def test_the_outcome_as_json():
    difference = Difference("socket 1", "connect", "nothing")
    assert as_json("x", "y", [difference]) == {
        "a": "x",
        "b": "y",
        "same": False,
        "differences": [{"where": "socket 1", "a": "connect", "b": "nothing"}],
    }
