"""The call model as a conversation: send a command, expect events, let time pass, expect events."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.contract.errors import NoSuchSession
from mockpbx.contract.vocabulary import HANGUP_CAUSES, DialStatus, Direction, Disposition, Party
from mockpbx.domain import commands as c
from mockpbx.domain import events as e
from mockpbx.domain.exchange import Exchange, Timing
from mockpbx.domain.magic import MAGIC_NUMBERS, REFUSED_NUMBER, answered, magic_number
from mockpbx.domain.scenario import Echo

VALID = "089608675796"


def place(session: str, number: str = VALID) -> c.PlaceCall:
    magic = magic_number(number)
    return c.PlaceCall(session, number, answered(Echo()) if magic is None else magic.steps, "test")


class Talk:
    """Drives an exchange through time and collects (time, event)."""

    def __init__(self, **timing):
        self.exchange = Exchange(Timing(**timing))
        self.now = 0
        self.heard: list[tuple[int, e.Event]] = []

    def send(self, command: c.Command):
        happened = [event for _, event in self.exchange.receive(command, self.now)]
        self.heard += [(self.now, event) for event in happened]
        return happened

    def pass_until(self, moment: int | None = None):
        start = len(self.heard)
        while (due := self.exchange.next_deadline()) is not None and (moment is None or due <= moment):
            self.now = max(self.now, due)
            self.heard += [(self.now, event) for _, event in self.exchange.wake(self.now)]
        self.now = self.now if moment is None else moment
        return self.heard[start:]

    def statuses(self):
        return [(at, event.status) for at, event in self.heard if isinstance(event, e.DialStatusChanged)]

    def record(self):
        (record,) = [event.record for _, event in self.heard if isinstance(event, e.RecordIssued)]
        return record


def test_a_call_whose_client_joins_is_dialled_at_once_and_answered_after_two_seconds_of_ringing():
    talk = Talk()
    assert talk.send(place("s", VALID)) == [e.CallPlaced(VALID, Direction.OUTBOUND, "test")]
    assert talk.send(c.AnnounceSession("s")) == [e.SessionAnnounced(Direction.OUTBOUND)]
    talk.now = 100
    assert talk.send(c.JoinRoom("s", "me")) == [e.RoomJoined("me"), e.DialStatusChanged(DialStatus.DIALING)]
    talk.pass_until(10_000)
    assert talk.statuses() == [(100, "Dialing"), (600, "Ringing"), (2600, "Connected")]
    assert talk.heard[-2:] == [(2600, e.CalleeSpoke(Echo())), (2600, e.ScenarioFinished())]


def test_a_call_that_nobody_joins_is_dialled_after_the_dial_delay():
    talk = Talk(dial_delay=1_000)
    talk.send(place("s", VALID))
    talk.pass_until(4_000)
    assert talk.statuses() == [(1000, "Dialing"), (1500, "Ringing"), (3500, "Connected")]


def test_joining_again_and_joining_in_mid_call_succeed_and_dial_only_once():
    talk = Talk()
    talk.send(place("s", VALID))
    talk.send(c.JoinRoom("s", "me"))
    assert talk.send(c.JoinRoom("s", "me")) == [e.RoomJoined("me")]
    talk.pass_until(5_000)
    assert talk.send(c.JoinRoom("s", "late")) == [e.RoomJoined("late")]


@pytest.mark.parametrize("stage", [0, 50, 700, 3_000])
def test_a_hangup_by_the_client_ends_the_call_at_every_stage(stage: int):
    talk = Talk()
    talk.send(place("s", VALID))
    if stage:
        talk.send(c.JoinRoom("s", "me"))
        talk.pass_until(stage)
    *_, ended = talk.send(c.HangUp("s"))
    answered = stage == 3_000
    assert ended.record.disposition == (Disposition.ANSWERED if answered else Disposition.CANCEL)
    assert (ended.record.hangup_by, ended.record.cause) == (Party.CALLER, 16)
    with pytest.raises(NoSuchSession):
        talk.send(c.HangUp("s"))
    assert talk.send(c.JoinRoom("s", "late")) == [e.JoinRefused("late")]
    assert talk.pass_until() == [(stage + 2_000, e.RecordIssued(ended.record))]
    if not stage:
        assert ended.record.started_at == ended.record.ended_at == 0


SEEN = {
    16: ["Dialing", "Ringing", "Connected"],
    17: ["Dialing", "Busy"],
    18: ["Dialing", "Ringing"],
    19: ["Dialing", "Ringing"],
    21: ["Dialing", "Ringing"],
}
FILED = {
    16: (Disposition.ANSWERED, Party.CALLEE, 7_500),
    17: (Disposition.BUSY, None, 1_500),
    18: (Disposition.NO_ANSWER, None, 5_500),
    19: (Disposition.NO_ANSWER, None, 10_500),
    21: (Disposition.NO_ANSWER, Party.CALLEE, 1_500),
}


@pytest.mark.parametrize("cause", HANGUP_CAUSES)
def test_a_magic_number_ends_with_its_cause_disposition_party_and_statuses(cause: int):
    talk = Talk()
    talk.send(place("s", f"08000000{cause:03d}"))
    talk.send(c.JoinRoom("s", "me"))
    talk.pass_until()
    assert [status for _, status in talk.statuses()] == SEEN.get(cause, ["Dialing"])
    record = talk.record()
    disposition, by, lasted = FILED.get(cause, (Disposition.FAILED, None, 1_000))
    assert (record.cause, record.disposition, record.hangup_by) == (cause, disposition, by)
    assert record.ended_at - record.started_at == lasted


def test_a_magic_number_whose_code_is_not_in_the_table_behaves_as_any_number():
    assert magic_number("08000000099") is None


def test_magic_numbers_are_unique_and_valid():
    numbers = [magic.number for magic in MAGIC_NUMBERS]
    assert len(set(numbers)) == len(numbers) == 16 + 7 + 1
    assert all(8 <= len(number) <= 15 and number.isdigit() for number in numbers)
    assert REFUSED_NUMBER in numbers


def test_a_call_ends_by_itself_at_the_time_limit():
    talk = Talk(call_limit=4 * 3_600_000)
    talk.send(place("s", VALID))
    talk.pass_until()
    record = talk.record()
    assert (record.cause, record.hangup_by, record.disposition) == (16, None, Disposition.ANSWERED)
    assert record.billable_seconds == 4 * 3_600


def test_a_deserted_call_goes_on_unless_the_switch_says_otherwise():
    stays, ends = Talk(), Talk(hangup_when_left=5_000)
    for talk in (stays, ends):
        talk.send(place("s", VALID))
        talk.send(c.JoinRoom("s", "me"))
        talk.pass_until(3_000)
        assert talk.send(c.LeaveRoom("s")) == [e.RoomEmptied()]
        talk.pass_until(60_000)
    assert stays.exchange.live_calls()
    assert not ends.exchange.live_calls()
    assert (ends.record().ended_at, ends.record().hangup_by) == (8_000, Party.CALLER)


def test_a_client_that_comes_back_within_the_grace_time_keeps_its_call():
    talk = Talk(hangup_when_left=5_000)
    talk.send(place("s", VALID))
    talk.send(c.JoinRoom("s", "me"))
    talk.pass_until(3_000)
    talk.send(c.LeaveRoom("s"))
    talk.pass_until(7_000)
    talk.send(c.JoinRoom("s", "me again"))
    talk.pass_until(60_000)
    assert talk.exchange.live_calls()


def test_timers_of_calls_long_gone_do_not_pile_up():
    talk = Talk()
    for number in range(500):
        talk.send(place(f"s{number}", VALID))
        talk.send(c.JoinRoom(f"s{number}", "me"))
        talk.pass_until(talk.now + 3_000)
        talk.send(c.HangUp(f"s{number}"))
        talk.pass_until(talk.now + 3_000)
    assert len(talk.exchange._timers) < 100


SESSIONS = ["a", "b", "c"]
NUMBERS = [VALID, *(magic.number for magic in MAGIC_NUMBERS)]
ACTIONS = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(SESSIONS), st.sampled_from(NUMBERS)),
    st.tuples(
        st.sampled_from(["join", "leave", "announce", "hang up", "stop"]),
        st.sampled_from(SESSIONS),
        st.none(),
    ),
    st.tuples(st.just("pass"), st.none(), st.integers(0, 12_000)),
)


@given(st.lists(ACTIONS, max_size=30), st.sampled_from([None, 0, 3_000]))
def test_whatever_happens_each_call_gets_one_record_and_nothing_after_its_end(actions, grace):
    talk = Talk(hangup_when_left=grace)
    journal: list[tuple[str, e.Event]] = []
    receive = talk.exchange.receive
    talk.exchange.receive = lambda command, now: [*(journal.extend(h := receive(command, now)) or h)]
    placed = set()
    for action, session, argument in actions:
        if action == "pass":
            talk.pass_until(talk.now + argument)
        elif action == "place" and session not in placed:
            placed.add(session)
            talk.send(place(session, argument))
        elif action != "place":
            command = {
                "join": c.JoinRoom(session, "me"),
                "leave": c.LeaveRoom(session),
                "announce": c.AnnounceSession(session),
                "hang up": c.HangUp(session),
                "stop": c.Break(session, 127),
            }[action]
            try:
                talk.send(command)
            except NoSuchSession:
                assert session not in {call.session_id for call in talk.exchange.live_calls()}
    talk.pass_until()
    assert not talk.exchange.live_calls()
    kinds = Counter((session, type(event)) for session, event in journal)
    for session in placed:
        assert kinds[session, e.CallEnded] == kinds[session, e.RecordIssued] == 1
        story = [event for name, event in journal if name == session]
        end = next(i for i, event in enumerate(story) if isinstance(event, e.CallEnded))
        assert {type(event) for event in story[end + 1 :]} <= {
            e.RecordIssued,
            e.JoinRefused,
            e.SessionAnnounced,
        }
        statuses = [event.status for event in story if isinstance(event, e.DialStatusChanged)]
        assert statuses in (
            [], ["Dialing"], ["Dialing", "Busy"], ["Dialing", "Ringing"], ["Dialing", "Ringing", "Connected"],
        )  # fmt: skip
