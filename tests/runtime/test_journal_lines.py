"""Journal entries as lines: their names, and what two runs of one scenario have in common."""

import json
from dataclasses import fields, is_dataclass
from uuid import uuid4

import numpy as np
from lab import VALID, Lab, lab_of

from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.media import facts
from mockpbx.runtime.faults.rule import FaultStruck
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.journal_lines import line_of, normalised

TALK = [
    s.Ring(1),
    s.Answer(),
    s.Play("hello", wait=False),
    s.Press("1"),
    s.ExpectSpeech(within=2, otherwise="go_on"),
    s.ExpectDigit("12", within=3),
    s.HangUp(),
]


def lines(lab: Lab) -> list[dict]:
    return [line_of(entry) for entry in lab.workspace.journal]


def only(lab: Lab, kind: str) -> dict:
    (line,) = [line for line in lines(lab) if line["kind"] == kind]
    return line


def staged(session: str, client: str) -> Lab:
    """The same call under other ids: the client talks, keys a digit and has somebody else ask in vain."""
    lab = lab_of(TALK)
    workspace = lab.workspace
    workspace.place_call(session, VALID)
    workspace.announce(session)
    workspace.join(session, client)
    workspace.join(f"not {session}", client)
    lab.advance(2_000)
    workspace.play(session, np.full(8_000, 9_000, dtype=np.int16))
    workspace.mark(session, "said")
    lab.advance(2_000)
    workspace.press(session, "2", 100)
    lab.advance(10_000)
    return lab


def test_a_line_says_when_where_and_what_in_camel_case():
    lab = Lab()
    lab.workspace.clock.step_to(1_767_225_600_007)
    lab.call(session="s")
    first = lines(lab)[0]
    assert first == {
        "number": 1,
        "at": 1_767_225_600_007,
        "time": "2026-01-01T00:00:00.007Z",
        "wall": 0,
        "call": "s",
        "kind": "CallPlaced",
        "data": {"number": VALID, "direction": "outbound", "scenario": "echo", "ordinal": 1, "caller": None},
    }
    assert "wall" not in line_of(next(iter(lab.workspace.journal)), wall=False)


def test_records_and_ledgers_are_objects_and_steps_are_as_a_file_has_them():
    lab = staged("s", "me")
    ended = only(lab, "CallEnded")["data"]["record"]
    assert (ended["sessionId"], ended["hangupBy"], ended["disposition"], ended["cause"]) == (
        "s", "CALLEE", "ANSWERED", 16,
    )  # fmt: skip
    stopped = only(lab, "MediaStopped")["data"]
    assert stopped["audio"] == {"accepted": 8_000, "played": 8_000, "cleared": 0, "discarded": 0}
    assert stopped["refusedMessages"] == 0
    assert only(lab, "CalleeSpoke")["data"] == {"sound": {"play": {"clip": "hello", "wait": False}}}
    met = [line["data"]["expectation"] for line in lines(lab) if line["kind"] == "ExpectationMet"]
    assert met[-1] == {"expect_digit": {"digits": "12", "within": 3}}


def test_every_kind_of_fact_can_be_a_line_of_json():
    expectation, sound = s.ExpectDigit(), s.Echo()
    record = staged("s", "me").only(e.CallEnded).record
    samples = {
        "expectation": expectation, "sound": sound, "record": record, "audio": facts.Ledger(), "keys": facts.Ledger(),
    }  # fmt: skip
    kinds = [kind for module in (e, facts) for kind in vars(module).values()
             if is_dataclass(kind) and kind.__module__ == module.__name__]  # fmt: skip
    assert len(kinds) > 25
    for kind in kinds:
        event = kind(**{field.name: samples.get(field.name, 0) for field in fields(kind)})
        line = json.loads(json.dumps(line_of(Entry(1, 0, 0, "\ud800", event))))
        assert line["kind"] == kind.__name__
        assert len(line["data"]) == len(fields(kind))


def test_two_runs_are_the_same_bytes_whatever_their_ids_and_wall_times_were():
    first, second = staged(str(uuid4()), str(uuid4())), staged(str(uuid4()), str(uuid4()))
    second_entries = [Entry(x.number, x.at, x.wall + 99, x.session_id, x.event) for x in second.workspace.journal]
    assert normalised(first.workspace.journal) == normalised(second_entries)
    text = "\n".join(normalised(first.workspace.journal))
    assert "wall" not in text
    joined = next(line for line in map(json.loads, text.splitlines()) if line["kind"] == "RoomJoined")
    assert (joined["call"], joined["data"]["client"]) == ("call 1", "client 1")
    refused = next(line for line in map(json.loads, text.splitlines()) if line["kind"] == "JoinRefused")
    assert (refused["call"], refused["data"]["client"]) == ("call 2", "client 1")
    ended = next(line for line in map(json.loads, text.splitlines()) if line["kind"] == "CallEnded")
    assert ended["data"]["record"]["sessionId"] == "call 1"


def test_two_runs_that_differ_by_a_millisecond_are_not_the_same_bytes():
    first, second = staged("a", "b"), staged("a", "b")
    last = list(second.workspace.journal)
    last[-1] = Entry(last[-1].number, last[-1].at + 1, 0, last[-1].session_id, last[-1].event)
    assert normalised(first.workspace.journal) != normalised(last)


def test_ids_inside_a_path_that_a_fault_struck_are_numbered_and_words_that_look_alike_are_not():
    entries = [
        Entry(1, 0, 0, "x-1", facts.CheckpointReached("x-1")),
        Entry(2, 0, 0, None, FaultStruck("http_error", "GET /cdr/x-1")),
    ]
    reached, struck = (json.loads(line)["data"] for line in normalised(entries))
    assert reached == {"name": "x-1"}
    assert struck["what"] == "GET /cdr/call 1"
