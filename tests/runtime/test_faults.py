"""Faults by themselves, on a stage that is no workspace: what leaves, when, and in what order."""

import asyncio
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import Lab

from mockpbx.contract.channels import EVENT_OF, OUTGOING
from mockpbx.contract.errors import InvalidRequest, NotFound
from mockpbx.contract.vocabulary import DialStatus, Direction
from mockpbx.domain import events as e
from mockpbx.runtime.agenda import Agenda
from mockpbx.runtime.faults import (
    FAULTS,
    Faultboard,
    FaultStruck,
    RequestDropped,
    RequestRefused,
    catalogue,
    read_fault,
)
from mockpbx.runtime.faults.frames import worst_delay
from mockpbx.runtime.journal import Entry
from mockpbx.wire import message_of

NUMBER = "089608675796"


class Socket:
    """A client's connection, as faults see it."""

    def __init__(self) -> None:
        self.state = "open"

    def cut(self) -> None:
        self.state = "cut"

    def hang(self) -> None:
        self.state = "hung"

    def recover(self) -> None:
        self.state = "open"


class Stage:
    """A workspace at time 0 with nothing but faults, a plan of what is put off, and rooms of one socket each."""

    activity = 0

    def __init__(self, *rules: dict, seed: int = 1) -> None:
        self.now = 0
        self.agenda = Agenda()
        self.notes: list[tuple[int, str | None, FaultStruck]] = []
        self.sent: list[tuple[int, object]] = []
        self.rooms: dict[str, Socket] = {}
        self.faults = Faultboard(Random(seed), self.wake)
        self.faults.attach(self, self)
        self.ids = [self.set(**rule) for rule in rules]

    def set(self, fault: str, **fields: object) -> str:
        fields = {name.removesuffix("_"): value for name, value in fields.items()}
        return self.faults.add(read_fault({"fault": fault} | fields))

    # What a workspace is to its faults.

    def wake(self) -> int:
        return self.now

    def later(self, ms: int, action) -> None:
        self.agenda.add(self.now + ms, action)

    def note(self, session_id: str | None, event: object) -> None:
        self.notes.append((self.now, session_id, event))

    def present(self, session_id: str | None) -> list[Socket]:
        return [socket for name, socket in self.rooms.items() if session_id in (None, name)]

    # What happens there.

    def advance(self, ms: int) -> None:
        target = self.now + ms
        while (due := self.agenda.next_deadline()) is not None and due <= target:
            self.now = due
            self.agenda.carry_out(due)
        self.now = target

    def happen(self, session: str, event: e.Event) -> None:
        self.faults.read(Entry(1, self.now, 0, session, event))

    def connected(self, session: str = "s", number: str = NUMBER) -> Socket:
        """A call whose callee answers now."""
        self.happen(session, e.CallPlaced(number, Direction.OUTBOUND, "test", len(self.rooms) + 1))
        socket = self.rooms[session] = Socket()
        self.happen(session, e.DialStatusChanged(DialStatus.CONNECTED))
        return socket

    def frames(self, number: int, session: str = "s") -> None:
        """So many frames of a call, 20 ms apart, each named by the moment at which it should leave."""
        for _ in range(number):
            moment = self.now
            self.faults.frame(session, lambda moment=moment: self.sent.append((self.now, moment)))
            self.advance(20)

    def event(self, name: str, label: str | None = None, session: str = "s") -> None:
        self.faults.event(session, name, lambda: self.sent.append((self.now, label or name)))

    def leaves(self) -> list[object]:
        return [label for _, label in self.sent]

    def struck(self) -> list[int]:
        return [rule["struck"] for rule in self.faults.listing()]


# --- when a rule strikes ----------------------------------------------------------------------------------------------


async def answers(stage: Stage, *requests: str, **named: str) -> list[object]:
    """What becomes of requests, one after the other: their delays in ms, refusals and drops."""
    outcomes: list[object] = []
    for request in requests:
        method, path = request.split()
        asked, since = asyncio.ensure_future(stage.faults.http(method, path, **named)), stage.now
        while not asked.done():
            await asyncio.sleep(0)
            if (due := stage.agenda.next_deadline()) is not None:
                stage.advance(due - stage.now)
        match asked.exception():
            case RequestRefused() as refusal:
                outcomes.append(refusal.status)
            case RequestDropped():
                outcomes.append("dropped")
            case None:
                outcomes.append(stage.now - since)
    return outcomes


CALL, RECORDS = "POST /pbx/call", "GET /cdr"


async def test_the_first_two_fail_and_the_third_does_not():
    stage = Stage({"fault": "http_error", "times": 2, "status": 503})
    assert await answers(stage, CALL, CALL, CALL, RECORDS) == [503, 503, 0, 0]
    assert [struck for _, _, struck in stage.notes] == [FaultStruck("http_error", CALL)] * 2
    assert stage.faults.listing() == [
        {
            "id": "1",
            "fault": "http_error",
            "path": "*",
            "method": None,
            "status": 503,
            "sentence": "Internal server error",
            "times": 2,
            "struck": 2,
            "exhausted": True,
        }
    ]


async def test_some_may_pass_first():
    assert await answers(Stage({"fault": "http_drop", "skip": 1, "times": 1}), CALL, CALL, CALL) == [0, "dropped", 0]


async def test_a_rule_holds_for_a_while_and_from_a_moment():
    stage = Stage({"fault": "http_error", "after": "2s", "for": "3s"})
    outcomes = []
    for _ in range(6):
        outcomes += await answers(stage, CALL)
        stage.advance(1_000)
    assert outcomes == [0, 0, 500, 500, 500, 0]
    assert stage.faults.listing()[0]["exhausted"] is True


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        ({"path": "/pbx/call"}, [CALL]),
        ({"path": "/PBX/*"}, [CALL]),
        ({"path": "/cdr*"}, [RECORDS, "GET /cdr/s"]),
        ({"method": "GET"}, [RECORDS, "GET /cdr/s"]),
        ({"path": "/cdr", "method": "POST"}, []),
    ],
)
async def test_requests_are_told_apart_by_path_and_method(rule, struck):
    requests = [CALL, RECORDS, "GET /cdr/s"]
    outcomes = await answers(Stage({"fault": "http_error"} | rule), *requests)
    assert [each for each, outcome in zip(requests, outcomes, strict=True) if outcome == 500] == struck


async def test_requests_are_told_apart_by_the_session_and_the_number_that_they_name():
    stage = Stage({"fault": "http_error", "call": "s"}, {"fault": "http_drop", "number": "0899*"})
    stage.connected("t", "0899123456")
    hangup = "POST /pbx/hangup"
    assert await answers(stage, hangup, session_id="s") == [500]
    assert await answers(stage, hangup, session_id="other") == [0]
    assert await answers(stage, hangup, session_id="t") == ["dropped"]
    assert await answers(stage, CALL, number="0899000000") == ["dropped"]
    assert await answers(stage, CALL, number=NUMBER) == [0]


async def test_delays_add_up_and_come_before_the_refusal_that_follows():
    stage = Stage({"fault": "http_delay", "seconds": "250ms"}, {"fault": "http_delay", "seconds": 1})
    assert await answers(stage, CALL) == [1_250]
    stage.set("http_error")
    assert await answers(stage, CALL) == [500]
    assert stage.now == 2_500


async def test_a_request_that_waits_is_dropped_when_its_workspace_ends():
    stage = Stage({"fault": "http_delay", "seconds": "1h"})
    waiting = asyncio.ensure_future(stage.faults.http("POST", "/pbx/call"))
    await asyncio.sleep(0)
    stage.faults.end()
    with pytest.raises(RequestDropped):
        await asyncio.wait_for(waiting, 10)
    assert stage.faults.quiet


def test_what_is_held_back_never_leaves_once_the_workspace_ends():
    stage = Stage({"fault": "event_late", "event": "dtmf", "seconds": 1}, {"fault": "half_open", "after": "500ms"})
    socket = stage.connected()
    stage.event("dtmf")
    stage.advance(500)
    assert socket.state == "hung"
    stage.faults.end()
    stage.advance(1_000)
    assert (socket.state, stage.sent, stage.faults.listing()) == ("open", [], [])


def test_a_rule_may_hold_from_each_calls_answer():
    stage = Stage({"fault": "frame_lost", "after_connected": "40ms", "for": "60ms"})
    stage.advance(1_000)
    stage.connected()
    stage.frames(8)
    assert stage.leaves() == [1_000, 1_020, 1_100, 1_120, 1_140]
    assert stage.faults.listing()[0]["exhausted"] is False


def test_a_rule_may_name_a_call_or_its_numbers():
    for rule in ({"call": "s"}, {"number": "0896*"}):
        stage = Stage({"fault": "frame_lost"} | rule)
        stage.connected("s")
        stage.connected("t", "08123456789")
        stage.frames(2, "s")
        stage.frames(2, "t")
        assert stage.leaves() == [40, 60]


@pytest.mark.parametrize(("dialled", "struck"), [("+6289608675796", 1), ("6289608675796", 1), (NUMBER, 0)])
def test_a_rule_s_numbers_are_those_of_a_dial_plan_with_a_plus_or_without_it(dialled, struck):
    stage = Stage({"fault": "frame_lost", "number": "62*"})
    stage.connected("s", dialled)
    stage.frames(1)
    assert stage.struck() == [struck]


def strikes(seed: int, others: int = 0) -> list[object]:
    """The frames that are left of a call, while other calls have frames, too."""
    stage = Stage({"fault": "frame_lost", "probability": 0.3}, seed=seed)
    for session in ["s", *map(str, range(others))]:
        stage.connected(session)
    left: list[object] = []
    for number in range(100):
        stage.faults.frame("s", lambda number=number: left.append(number))
        for other in range(others):
            stage.faults.frame(str(other), lambda: None)
    return left


def test_the_same_seed_strikes_the_same_whatever_other_calls_do():
    assert strikes(1) == strikes(1) == strikes(1, others=3)
    assert strikes(1) != strikes(2)
    assert 50 < len(strikes(1)) < 90


def test_nothing_is_asked_before_a_rule_is_set_nor_after_it_is_gone_and_all_has_left():
    stage = Stage()
    stage.connected()
    assert stage.faults.quiet
    rule = stage.set("event_late", event="dtmf", seconds=1)
    assert not stage.faults.quiet
    stage.event("dtmf")
    stage.faults.remove(rule)
    assert not stage.faults.quiet
    stage.advance(1_000)
    assert stage.sent == [(1_000, "dtmf")]
    assert stage.faults.quiet


def test_rules_are_removed_one_by_one_or_all_and_only_so_many_may_stand():
    stage = Stage({"fault": "frame_lost"}, {"fault": "ack_lost"})
    stage.faults.remove("1")
    assert [rule["id"] for rule in stage.faults.listing()] == ["2"]
    for unknown in ("1", "3", "x"):
        with pytest.raises(NotFound, match="No fault has this id"):
            stage.faults.remove(unknown)
    for _ in range(999):
        stage.set("frame_lost")
    with pytest.raises(InvalidRequest, match="At most 1000 faults"):
        stage.set("frame_lost")
    stage.faults.clear()
    assert stage.faults.listing() == []


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "sent"),
    [
        ({"fault": "frame_lost", "skip": 1, "times": 2}, [(0, 0), (60, 60)]),
        ({"fault": "frame_duplicated", "times": 1}, [(0, 0), (0, 0), (20, 20), (40, 40), (60, 60)]),
        ({"fault": "frame_late", "seconds": "50ms"}, [(50, 0), (70, 20), (90, 40), (110, 60)]),
        # One is late: those behind it wait for it, and leave with it.
        ({"fault": "frame_late", "seconds": "50ms", "times": 1}, [(50, 0), (50, 20), (50, 40), (60, 60)]),
        ({"fault": "frame_burst", "frames": 3}, [(40, 0), (40, 20), (40, 40), (100, 60)]),
    ],
)
def test_what_becomes_of_four_frames(rule, sent):
    stage = Stage(rule)
    stage.connected()
    stage.frames(4)
    stage.advance(100)
    assert stage.sent == sent


def test_faults_of_frames_add_up():
    stage = Stage({"fault": "frame_duplicated"}, {"fault": "frame_late", "seconds": "30ms"})
    stage.connected()
    stage.frames(2)
    stage.advance(100)
    assert stage.sent == [(30, 0), (30, 0), (50, 20), (50, 20)]


def test_jitter_is_that_of_live_calls():
    shares = [number / 10_000 for number in range(10_000)]
    worst = sorted(worst_delay(share) for share in shares)
    assert [worst[round(10_000 * share)] for share in (0.5, 0.95, 0.99)] == pytest.approx([7, 24, 45])
    assert worst_delay(1) == 100
    stage = Stage({"fault": "jitter"}, seed=3)
    calls = [str(number) for number in range(200)]
    late = {}
    for session in calls:
        stage.connected(session)
        stage.sent.clear()
        stage.frames(100, session)
        stage.advance(200)
        late[session] = [left - due for left, due in stage.sent]
        assert stage.leaves() == sorted(stage.leaves())
        assert len(late[session]) == 100
    worst = sorted(max(delays) for delays in late.values())
    assert 4 <= worst[100] <= 10
    assert 15 <= worst[190] <= 45
    assert worst[-1] <= 100


FRAME_RULES = st.one_of(
    st.just({"fault": "frame_lost"}),
    st.just({"fault": "frame_duplicated"}),
    st.just({"fault": "jitter"}),
    st.builds(lambda ms: {"fault": "frame_late", "seconds": ms / 1_000}, st.integers(0, 200)),
    st.builds(lambda frames: {"fault": "frame_burst", "frames": frames}, st.integers(2, 7)),
)


@settings(deadline=None)
@given(
    rules=st.lists(st.tuples(FRAME_RULES, st.sampled_from([0.05, 0.5, 1.0]), st.integers(0, 5)), max_size=4),
    seed=st.integers(0, 99),
)
def test_whatever_befalls_frames_they_never_overtake_each_other_and_none_comes_early(rules, seed):
    stage = Stage(*(rule | {"probability": share, "skip": skip} for rule, share, skip in rules), seed=seed)
    stage.connected()
    stage.frames(40)
    stage.faults.clear()
    stage.frames(10)
    stage.advance(5_000)
    assert stage.leaves() == sorted(stage.leaves())
    assert all(left >= due for left, due in stage.sent)
    assert stage.faults.quiet


def test_of_frames_the_journal_tells_the_first_and_how_many():
    stage = Stage({"fault": "frame_lost", "skip": 1})
    stage.connected()
    stage.frames(5)
    stage.happen("s", e.CallEnded(record=None))
    stage.advance(0)
    assert stage.notes == [
        (20, "s", FaultStruck("frame_lost", "a frame, the first of this call")),
        (100, "s", FaultStruck("frame_lost", "4 frames of this call")),
    ]


# --- events -----------------------------------------------------------------------------------------------------------


def test_a_late_event_holds_up_its_own_kind_and_no_other():
    stage = Stage({"fault": "event_late", "event": "dialStatus", "seconds": 2, "times": 1})
    stage.event("dialStatus", "Dialing")
    stage.advance(500)
    stage.event("dtmf")
    stage.event("dialStatus", "Ringing")
    stage.advance(1_500)
    stage.event("dialStatus", "Connected")
    assert stage.sent == [(500, "dtmf"), (2_000, "Dialing"), (2_000, "Ringing"), (2_000, "Connected")]


def test_late_events_do_not_overtake_each_other():
    stage = Stage(
        {"fault": "event_late", "event": "checkPoint", "seconds": 3},
        {"fault": "event_late", "event": "dtmf", "seconds": 1},
    )
    stage.event("checkPoint")
    stage.advance(100)
    stage.event("dtmf")
    stage.event("hangup")
    stage.advance(5_000)
    assert stage.sent == [(100, "hangup"), (3_000, "checkPoint"), (3_000, "dtmf")]


def test_other_calls_do_not_wait_for_a_late_event():
    stage = Stage({"fault": "event_late", "event": "dtmf", "seconds": 1, "times": 1})
    stage.event("dtmf", "one")
    stage.event("dtmf", "another", session="t")
    assert stage.leaves() == ["another"]


def test_events_are_lost_doubled_or_swapped_with_the_next():
    events = ["dialStatus", "checkPoint", "dtmf", "hangup"]
    for fault, left in {
        "event_lost": ["dialStatus", "dtmf", "hangup"],
        "event_twice": ["dialStatus", "checkPoint", "checkPoint", "dtmf", "hangup"],
        "event_swapped": ["dialStatus", "dtmf", "checkPoint", "hangup"],
    }.items():
        stage = Stage({"fault": fault, "event": "checkPoint"})
        for event in events:
            stage.event(event)
        assert stage.leaves() == left
        assert stage.struck() == [1]


def test_two_of_a_kind_that_is_swapped_swap_with_each_other():
    stage = Stage({"fault": "event_swapped", "event": "dialStatus"})
    for status in ("Dialing", "Ringing", "Connected"):
        stage.event("dialStatus", status)
    assert stage.leaves() == ["Ringing", "Dialing"]


def test_a_swapped_event_without_a_next_one_leaves_at_the_end_of_the_call():
    stage = Stage({"fault": "event_swapped", "event": "cdr"})
    stage.connected()
    stage.event("cdr")
    assert stage.leaves() == []
    stage.faults.forget("s")
    assert stage.leaves() == ["cdr"]


def test_a_swapped_event_leaves_behind_a_next_one_that_is_late():
    stage = Stage(
        {"fault": "event_swapped", "event": "dtmf"}, {"fault": "event_late", "event": "checkPoint", "seconds": 1}
    )
    stage.event("dtmf")
    stage.event("checkPoint")
    assert stage.leaves() == []
    stage.advance(1_000)
    assert stage.sent == [(1_000, "checkPoint"), (1_000, "dtmf")]


def test_the_strike_of_an_event_is_a_fact_right_behind_it():
    stage = Stage({"fault": "event_lost", "event": "checkPoint"})
    stage.advance(700)
    stage.event("checkPoint")
    stage.advance(0)
    assert stage.notes == [(700, "s", FaultStruck("event_lost", "checkPoint"))]


def test_the_words_for_events_are_those_of_the_contract():
    schema = next(each["parameters"] for each in catalogue() if each["word"] == "event_lost")
    told = {channel.event for channel in OUTGOING} - {"audio", "exception"}  # sound, and what is not in the document
    assert set(schema["properties"]["event"]["enum"]) == told


# --- in a workspace ---------------------------------------------------------------------------------------------------


def staged(pace: int) -> tuple[list[object], list[object]]:
    """What leaves of two calls, and their journal, where the workspace is woken every `pace` ms."""
    lab, sent = Lab(), []
    faults = lab.workspace.faults
    lab.clients.emit_frame = lambda session_id, frame: faults.frame(session_id, partial(sent.append, session_id))

    def project(entry: Entry) -> None:
        faults.read(entry)
        if message := message_of(entry):
            faults.event(entry.session_id, EVENT_OF[type(message)], partial(sent.append, message))

    lab.workspace.journal.subscribe(project)
    faults.attach(lab.workspace, Stage())
    for rule in (
        {"fault": "jitter"},
        {"fault": "event_late", "event": "dtmf", "seconds": "30ms", "probability": 0.5},
        {"fault": "event_twice", "event": "dialStatus"},
    ):
        faults.add(read_fault(rule))
    for session_id in "st":
        lab.call("08000001004", session_id)
    for moment in range(pace, 6_000 + pace, pace):
        lab.workspace.clock.step_to(moment)
        lab.workspace.wake()
    return sent, lab.journal


def test_a_workspace_that_is_woken_late_has_the_same_faults_at_the_same_moments():
    assert staged(pace=1) == staged(pace=50) == staged(pace=400)


# --- acknowledgments and records --------------------------------------------------------------------------------------


def test_an_acknowledgment_is_late_or_lost_and_others_do_not_wait():
    stage = Stage({"fault": "ack_late", "seconds": 2, "times": 1}, {"fault": "ack_lost", "skip": 2})
    for number in range(3):
        stage.faults.ack("s", lambda number=number: stage.sent.append((stage.now, number)))
        stage.advance(100)
    stage.advance(5_000)
    assert stage.sent == [(100, 1), (2_000, 0)]


def test_skews_add_up_and_may_go_back():
    stage = Stage({"fault": "clock_skew", "seconds": "-1m"}, {"fault": "clock_skew", "seconds": 1.5, "number": "08*"})
    stage.connected()
    assert stage.faults.record("s") == -58_500
    assert stage.faults.record("unknown") == -60_000


# --- sockets ----------------------------------------------------------------------------------------------------------


def test_a_socket_is_refused_as_often_as_the_rule_says():
    stage = Stage({"fault": "connect_refused", "message": "not today", "times": 2})
    assert [stage.faults.connection() for _ in range(3)] == ["not today", "not today", None]


def test_the_sockets_that_are_there_are_cut_at_once_or_later_and_no_others():
    stage = Stage()
    one = stage.connected("s")
    stage.set("socket_dropped")
    assert one.state == "cut"
    stage.set("socket_dropped", after="2s")
    two = stage.connected("t")
    stage.advance(1_999)
    assert two.state == "open"
    stage.advance(1)
    assert two.state == "cut"
    assert stage.connected("u").state == "open"
    assert [struck for _, _, struck in stage.notes] == [
        FaultStruck("socket_dropped", "1 socket"),
        FaultStruck("socket_dropped", "2 sockets"),
    ]
    assert [rule["exhausted"] for rule in stage.faults.listing()] == [True, True]


def test_the_sockets_of_one_call_or_of_some_numbers_are_cut():
    stage = Stage()
    one, two, three = stage.connected("s"), stage.connected("t"), stage.connected("u", "08123456789")
    stage.set("socket_dropped", call="t")
    assert [socket.state for socket in (one, two, three)] == ["open", "cut", "open"]
    stage.set("socket_dropped", number="0812*")
    assert [socket.state for socket in (one, two, three)] == ["open", "cut", "cut"]


def test_every_call_is_cut_so_long_after_its_answer_as_often_as_the_rule_says():
    stage = Stage({"fault": "socket_dropped", "after_connected": "2s", "times": 2})
    calls = []
    for session in "stu":
        calls.append(stage.connected(session))
        stage.advance(1_999)
        assert calls[-1].state == "open"
        stage.advance(1)
    assert [socket.state for socket in calls] == ["cut", "cut", "open"]
    assert [(at, session) for at, session, _ in stage.notes] == [(2_000, "s"), (4_000, "t")]


def test_a_half_open_socket_recovers_in_time_or_when_its_rule_is_removed():
    stage = Stage()
    socket = stage.connected()
    stage.set("half_open", for_="3s")
    assert socket.state == "hung"
    stage.advance(2_999)
    assert socket.state == "hung"
    stage.advance(1)
    assert socket.state == "open"
    rule = stage.set("half_open")
    stage.advance(10_000)
    assert socket.state == "hung"
    stage.faults.remove(rule)
    assert socket.state == "open"


def test_a_rule_that_was_removed_ends_nothing_of_another():
    stage = Stage()
    socket = stage.connected()
    rule = stage.set("half_open", for_="3s")
    stage.advance(1_000)
    stage.faults.remove(rule)
    stage.set("half_open")
    stage.advance(5_000)
    assert socket.state == "hung"


def test_each_call_has_its_own_time_half_open():
    stage = Stage({"fault": "half_open", "after_connected": 1, "for": 2})
    one = stage.connected("s")
    stage.advance(1_500)
    two = stage.connected("t")
    assert (one.state, two.state) == ("hung", "open")
    stage.advance(1_500)
    assert (one.state, two.state) == ("open", "hung")
    stage.advance(1_500)
    assert (one.state, two.state) == ("open", "open")


def test_a_rule_that_is_removed_before_its_moment_cuts_nothing():
    stage = Stage()
    socket = stage.connected()
    stage.faults.remove(stage.set("socket_dropped", after="1s"))
    stage.advance(2_000)
    assert socket.state == "open"


# --- as JSON ----------------------------------------------------------------------------------------------------------

SMALLEST = {
    "http_delay": {"seconds": 1},
    "ack_late": {"seconds": "200ms"},
    "frame_late": {"seconds": "1m30s"},
    "frame_burst": {"frames": 5},
    "event_late": {"event": "cdr", "seconds": 5},
    "event_lost": {"event": "checkPoint"},
    "event_twice": {"event": "hangup"},
    "event_swapped": {"event": "dialStatus"},
    "clock_skew": {"seconds": "-2h"},
}


@pytest.mark.parametrize("word", FAULTS)
def test_every_fault_is_read_listed_and_in_the_catalogue(word):
    stage = Stage({"fault": word} | SMALLEST.get(word, {}))
    (listed,) = stage.faults.listing()
    assert {"id": "1", "fault": word, "struck": 0}.items() <= listed.items()
    (entry,) = [each for each in catalogue() if each["word"] == word]
    assert entry["about"].endswith(".")
    assert set(entry["parameters"]["required"]) == {"fault", *SMALLEST.get(word, {})}
    settings = listed.keys() - {"id", "struck", "exhausted"}
    assert settings <= entry["parameters"]["properties"].keys()
    # What is listed can be set again.
    assert read_fault({name: listed[name] for name in settings}) == read_fault({"fault": word} | SMALLEST.get(word, {}))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, 'Expected a fault such as {"fault": "http_error"}, got nothing'),
        ([], "got a list"),
        ({}, "fault is missing; expected http_delay, http_error"),
        ({"fault": "event_lates"}, "fault: there is none called event_lates; did you mean event_late?"),
        ({"fault": 7}, "fault: there is none called the number 7; expected http_delay"),
        ({"fault": "frame_lost", "probabilty": 1}, "frame_lost has no field probabilty; did you mean probability?"),
        ({"fault": "frame_lost", "seconds": 1}, "frame_lost has no field seconds"),
        ({"fault": "connect_refused", "call": "s"}, "connect_refused has no field call; expected message, after"),
        ({"fault": "ack_late"}, 'seconds is missing, as in {"fault": "ack_late", "seconds": ...}'),
        ({"fault": "ack_late", "seconds": "soon"}, "seconds: expected seconds as a number, or a duration"),
        ({"fault": "ack_late", "seconds": True}, "seconds: expected a number, got true"),
        ({"fault": "ack_late", "seconds": -1}, "seconds: expected greater than or equal to 0, got the number -1"),
        ({"fault": "half_open", "times": 0}, "times: expected greater than or equal to 1, got the number 0"),
        ({"fault": "http_error", "status": 200}, "status: expected greater than or equal to 400, got the number 200"),
        ({"fault": "http_error", "status": "503"}, 'status: expected a whole number, got "503"'),
        ({"fault": "http_error", "path": ""}, 'path: expected at least 1 character, got ""'),
        ({"fault": "http_drop", "method": "PUT"}, 'method: "PUT" is not one of its words; expected GET or POST'),
        ({"fault": "event_lost", "event": "checkpoint"}, "is not one of its words; did you mean checkPoint?"),
        ({"fault": "jitter", "probability": 1.1}, "probability: expected less than or equal to 1, got the number 1.1"),
        ({"fault": "jitter", "call": 5}, "call: expected text, got the number 5"),
        ({"fault": "frame_burst", "frames": 1}, "frames: expected greater than or equal to 2, got the number 1"),
        ({"fault": "clock_skew", "seconds": "-soon"}, "expected seconds as a number, or a duration such as 200ms"),
    ],
)  # fmt: skip
def test_a_fault_that_makes_no_sense_is_refused_with_a_sentence_that_helps(value, sentence):
    with pytest.raises(InvalidRequest) as refusal:
        read_fault(value)
    assert sentence in str(refusal.value)


FIELDS = st.sampled_from(["fault", "for", "times", "event", "seconds", "call", "x"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([*FAULTS])
JSON = st.recursive(SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(FIELDS, each, max_size=4))


@given(value=JSON, word=st.sampled_from([*FAULTS]))
def test_whatever_is_set_is_a_rule_or_a_sentence(value, word):
    for each in (value, {"fault": word} | value if isinstance(value, dict) else value):
        try:
            read_fault(each)
        except InvalidRequest as refusal:
            assert str(refusal)
