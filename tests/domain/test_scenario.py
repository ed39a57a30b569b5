"""Scenarios as conversations: perceptions and time in, moves and sounds out."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.contract.errors import InvalidRequest
from mockpbx.contract.vocabulary import DialStatus, Direction, Disposition, Party
from mockpbx.domain import commands as c
from mockpbx.domain import events as e
from mockpbx.domain import perceptions as p
from mockpbx.domain import scenario as s
from mockpbx.domain.exchange import Exchange, Timing
from mockpbx.domain.performance import NEEDS
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.session import MOST_ACTS

NUMBER, CALLER = "089608675796", "08123456789"
UP = (s.Ring(0, setup=0), s.Answer())


class Stage:
    """One call with a scenario, at time 0; what happens is collected as (time, event)."""

    def __init__(self, *steps, scenario=None, direction=Direction.OUTBOUND, **timing):
        self.exchange = Exchange(Timing(**timing))
        self.now = 0
        self.story: list[tuple[int, e.Event]] = []
        steps = scenario() if scenario else steps
        caller = CALLER if direction is Direction.INBOUND else None
        self.send(c.PlaceCall("s", NUMBER, steps, "test", direction=direction, caller=caller))
        self.send(c.AnnounceSession("s"))
        if direction is Direction.OUTBOUND:
            self.send(c.JoinRoom("s", "bot"))

    def send(self, command: c.Command) -> "Stage":
        self.story += [(self.now, event) for _, event in self.exchange.receive(command, self.now)]
        return self

    def perceive(self, perception: p.Perception) -> "Stage":
        return self.send(c.Perceive("s", perception))

    def wait(self, seconds: float) -> "Stage":
        target = self.now + round(seconds * 1_000)
        while (due := self.exchange.next_deadline()) is not None and due <= target:
            self.now = due
            self.story += [(due, event) for _, event in self.exchange.wake(due)]
        self.now = target
        return self

    def times(self, kind: type) -> list[int]:
        return [at for at, event in self.story if isinstance(event, kind)]

    def all(self, *kinds: type) -> list[e.Event]:
        return [event for _, event in self.story if isinstance(event, kinds)]

    def one(self, kind: type):
        (event,) = self.all(kind)
        return event

    @property
    def statuses(self) -> list[str]:
        return [event.status for event in self.all(e.DialStatusChanged)]

    @property
    def record(self):
        return self.one(e.CallEnded).record


def test_steps_follow_each_other_each_at_its_time():
    stage = Stage(s.Ring(40), s.Answer(), s.Tone(1_000, seconds=2), s.Press("12"), s.HangUp()).wait(60)
    assert stage.times(e.DialStatusChanged) == [0, 500, 40_500]
    assert [(at, event.sound) for at, event in stage.story if isinstance(event, e.CalleeSpoke)] == [
        (40_500, s.Tone(1_000, seconds=2)),
        (42_500, s.Silence()),
    ]
    assert [(at, event.digit) for at, event in stage.story if isinstance(event, e.CalleePressed)] == [
        (42_500, "1"),
        (42_800, "2"),
    ]
    assert stage.record.ended_at == 43_100
    assert (stage.record.cause, stage.record.hangup_by) == (16, Party.CALLEE)


@pytest.mark.parametrize(
    ("steps", "statuses", "cause", "by", "disposition"),
    [
        ((s.Busy(),), ["Dialing", "Busy"], 17, None, Disposition.BUSY),
        ((s.Ring(1), s.Reject()), ["Dialing", "Ringing"], 21, Party.CALLEE, Disposition.NO_ANSWER),
        ((s.Ring(9), s.NoAnswer()), ["Dialing", "Ringing"], 19, None, Disposition.NO_ANSWER),
        ((s.Fail(34),), ["Dialing"], 34, None, Disposition.FAILED),
        ((*UP, s.Wait(1), s.Fail(38)), ["Dialing", "Ringing", "Connected"], 38, None, Disposition.ANSWERED),
    ],
)
def test_a_call_ends_as_its_scenario_says(steps, statuses, cause, by, disposition):
    stage = Stage(*steps).wait(20)
    assert stage.statuses == statuses
    record = stage.record
    assert (record.cause, record.hangup_by, record.disposition) == (cause, by, disposition)


def test_a_clip_is_waited_for_and_a_loop_is_not():
    stage = Stage(*UP, s.Play("speech", loop=True), s.Play("hello"), s.Press("1")).wait(10)
    assert [event.sound.clip for event in stage.all(e.CalleeSpoke)] == ["speech", "hello"]
    assert not stage.all(e.CalleePressed)
    stage.perceive(p.SoundEnded())
    assert stage.one(e.CalleePressed).digit == "1"


EXPECTED = {
    "speech": (s.ExpectSpeech(within=5), p.SoundHeard("")),
    "silence": (s.ExpectSilence(within=5), p.SoundHeard("")),
    "clip": (s.ExpectClip("hello", within=5), p.SoundHeard("")),
    "tone": (s.ExpectTone(1_000, within=5), p.SoundHeard("1000")),
    "keyed digit": (s.ExpectDigit("12", within=5), p.KeyHeard("2")),
    "checkpoint": (s.ExpectCheckpoint("goodbye", within=5), p.CheckpointHeard("goodbye")),
    "any checkpoint": (s.ExpectCheckpoint(within=5), p.CheckpointHeard("other")),
    "interruption": (s.ExpectInterruption(within=5), p.InterruptionHeard()),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_expectation_is_met_by_what_it_names_and_the_scenario_goes_on_at_once(name: str):
    expectation, perception = EXPECTED[name]
    stage = Stage(*UP, expectation, s.HangUp()).wait(1.234).perceive(perception)
    assert stage.one(e.ExpectationMet).after == 1_234
    assert stage.record.ended_at == 1_234


@pytest.mark.parametrize(
    ("expectation", "perception"),
    [
        (s.ExpectDigit("12", within=5), p.KeyHeard("3")),
        (s.ExpectCheckpoint("goodbye", within=5), p.CheckpointHeard("hello")),
        (s.ExpectSpeech(within=5), p.InterruptionHeard()),
        (s.ExpectHangUp(within=5), p.SoundHeard("")),
    ],
)
def test_an_expectation_is_not_met_by_anything_else(expectation, perception):
    stage = Stage(*UP, expectation, s.HangUp()).wait(1).perceive(perception).wait(10)
    assert not stage.all(e.ExpectationMet)
    assert stage.times(e.ExpectationMissed) == [5_000]


def test_a_missed_expectation_fails_goes_on_or_hangs_up():
    failed, went_on, hung_up = (
        Stage(*UP, s.ExpectSpeech(within=3, otherwise=way), s.Press("1")).wait(4)
        for way in ("fail", "go_on", "hang_up")
    )
    assert (failed.record.cause, failed.record.hangup_by) == (127, None)
    assert failed.one(e.ScenarioFailed) == e.ScenarioFailed(3, "expect_speech was not met within 3 s")
    assert went_on.times(e.CalleePressed) == [3_000]
    assert (hung_up.record.cause, hung_up.record.hangup_by) == (16, Party.CALLEE)
    assert not hung_up.all(e.ScenarioFailed)


def test_digits_that_come_early_are_not_lost_and_count_once():
    stage = Stage(*UP, s.Wait(2), s.ExpectDigit(within=1), s.ExpectDigit(within=1), s.ExpectDigit(within=1))
    stage.wait(1).perceive(p.KeyHeard("4")).perceive(p.KeyHeard("2")).wait(10)
    assert [event.what for event in stage.all(e.ExpectationMet)] == ["4", "2"]
    assert stage.times(e.ExpectationMissed) == [3_000]


def test_what_came_before_the_last_expectation_was_decided_is_past():
    stage = Stage(*UP, s.Wait(1), s.ExpectDigit(within=1), s.ExpectInterruption(within=1))
    stage.perceive(p.InterruptionHeard()).perceive(p.KeyHeard("1")).wait(5)
    assert [event.what for event in stage.all(e.ExpectationMet)] == ["1"]
    assert isinstance(stage.one(e.ExpectationMissed).expectation, s.ExpectInterruption)


def test_the_client_that_hangs_up_as_expected_meets_the_expectation():
    stage = Stage(*UP, s.ExpectHangUp(within=5)).wait(2).send(c.HangUp("s"))
    kinds = [type(event) for _, event in stage.story]
    assert kinds[-3:] == [e.ExpectationMet, e.ScenarioFinished, e.CallEnded]
    assert not stage.all(e.ScenarioStopped)


def test_a_generator_gets_the_outcome_of_each_step_and_decides():
    def menu():
        yield s.Ring(0, setup=0)
        yield s.Answer()
        digit = yield s.ExpectDigit(within=5, otherwise="go_on")
        yield s.Play(f"chosen-{digit.what}", wait=False) if digit else s.Fail(27)
        assert (yield s.Wait(1)) is None
        yield s.HangUp()

    pressed = Stage(scenario=menu).wait(1).perceive(p.KeyHeard("7")).wait(5)
    assert pressed.one(e.CalleeSpoke).sound == s.Play("chosen-7", wait=False)
    assert pressed.record.cause == 16
    assert Stage(scenario=menu).wait(6).record.cause == 27


@pytest.mark.parametrize("step", NEEDS, ids=s.word)
def test_a_step_that_the_call_does_not_allow_fails_the_scenario_and_says_what_to_do(step):
    fields = {s.Press: ["1"], s.Play: ["hello"], s.Say: ["halo"], s.Tone: [440], s.CallProgress: ["busy"]}
    fields |= {s.ExpectClip: ["hello"], s.ExpectTone: [440]}
    impossible = step(*fields.get(step, []))
    before = UP if step in (s.Ring, s.Busy, s.Answer, s.Reject, s.NoAnswer) else (s.Ring(0, setup=0),)
    stage = Stage(*before, impossible).wait(1)
    failure = stage.one(e.ScenarioFailed)
    assert failure.step == len(before) + 1
    assert failure.reason.startswith(f"{s.word(step)} needs a call that is ")
    assert "before it" in failure.reason
    assert (stage.record.cause, stage.record.hangup_by) == (127, None)


def broken_at_once():
    raise RuntimeError("no luck today")
    yield


def broken_in_mid_call():
    yield from UP
    yield s.Press("1")
    raise KeyError("digit")


def no_step():
    yield from UP
    yield "press 1"


def for_ever():
    yield from UP
    while True:
        yield s.Tone(440)


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        (broken_at_once, "its generator raised RuntimeError: no luck today"),
        (broken_in_mid_call, "its generator raised KeyError: 'digit'"),
        (no_step, "'press 1' is no step"),
        (for_ever, f"it took {MOST_ACTS} steps without letting time pass"),
    ],
)
def test_a_generator_that_breaks_breaks_its_call_and_nothing_else(scenario, reason):
    stage = Stage(scenario=scenario).wait(2)
    assert reason in stage.one(e.ScenarioFailed).reason
    assert stage.record.cause == 127
    assert stage.one(e.RecordIssued if stage.wait(5) else None)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (s.Wait(float("nan")), "wait: seconds: expected"),
        (s.Wait(-5), "wait: seconds: expected greater than or equal to 0"),
        (s.Press("x"), "press: keys: expected"),
        (s.Tone("a"), "tone: hertz: expected"),
        (s.Play(None), "play: clip: expected"),
        (s.CallProgress("foo"), "call_progress: tone: expected 'ringback'"),
        (s.ExpectSpeech(otherwise="what"), "expect_speech: otherwise: expected 'fail'"),
        (s.Fail(999), "fail: cause: expected one of the contract's causes"),
    ],
    ids=lambda value: s.word(value) if not isinstance(value, str) else "",
)
def test_a_step_with_a_senseless_value_fails_its_scenario_and_is_not_taken(step, said):
    stage = Stage(*UP, s.Wait(1), step).wait(10)
    assert said in stage.one(e.ScenarioFailed).reason
    assert stage.record.ended_at == 1_000
    assert stage.record.cause == 127


def test_a_duration_may_be_written_as_in_a_file():
    assert Stage(*UP, s.Wait("1m30s"), s.HangUp()).wait(100).record.ended_at == 90_000


def test_a_generator_may_clean_up_when_the_call_ends_under_it():
    cleaned = []

    def tidy():
        try:
            yield from UP
            yield s.Wait(100)
        finally:
            cleaned.append(True)

    stage = Stage(scenario=tidy).wait(1).send(c.HangUp("s"))
    assert cleaned == [True]
    assert stage.one(e.ScenarioStopped) == e.ScenarioStopped(3, "the client hung up")


def test_a_scenario_that_is_over_leaves_the_callee_on_the_line_or_lets_the_unanswered_call_ring_out():
    answered = Stage(*UP, s.Echo()).wait(3_600)
    assert not answered.all(e.CallEnded)
    ringing = Stage(s.Ring(1), ring_limit=30_000).wait(100)
    assert (ringing.record.cause, ringing.record.ended_at) == (19, 31_500)
    dialling = Stage(s.Wait(1), ring_limit=30_000).wait(100)
    assert (dialling.record.cause, dialling.record.ended_at) == (18, 31_000)


def test_timers_that_came_too_late_are_no_deadlines():
    stage = Stage(*UP, s.ExpectDigit(within=3_000), s.Echo()).wait(1).perceive(p.KeyHeard("1"))
    assert stage.exchange.next_deadline() == 4 * 3_600_000
    stage.send(c.HangUp("s"))
    assert stage.exchange.next_deadline() == 3_000
    stage.wait(2)
    assert stage.one(e.RecordIssued)
    assert stage.exchange.next_deadline() is None


# --- by hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [0, 0.2, 1])
def test_a_person_answers_and_the_scenario_stops(moment: float):
    stage = Stage(s.Ring(10), s.Answer(), s.Press("1")).wait(moment).send(c.AnswerByHand("s")).wait(30)
    assert stage.statuses == ["Dialing", "Ringing", "Connected"]
    assert stage.one(e.ScenarioStopped).reason == "a person took over"
    assert not stage.all(e.CalleePressed)
    with pytest.raises(InvalidRequest, match="CONNECTED"):
        stage.send(c.AnswerByHand("s"))


@pytest.mark.parametrize(
    ("moment", "cause", "filed"),
    [
        (1, None, (21, Party.CALLEE, Disposition.NO_ANSWER)),
        (1, 34, (34, None, Disposition.FAILED)),
        (20, None, (16, Party.CALLEE, Disposition.ANSWERED)),
        (20, 38, (38, None, Disposition.ANSWERED)),
    ],
)
def test_a_person_declines_hangs_up_or_breaks_the_call(moment, cause, filed):
    stage = Stage(s.Ring(10), s.Answer()).wait(moment).send(c.HangUpByHand("s", cause))
    assert (stage.record.cause, stage.record.hangup_by, stage.record.disposition) == filed


def test_a_person_presses_keys_while_the_scenario_goes_on_and_plays_in_its_place():
    stage = Stage(*UP, s.Wait(5), s.Press("9"), s.Wait(60), s.HangUp()).wait(1)
    stage.send(c.PressKeys("s", s.Press("12", gap=0.5))).wait(5)
    assert [event.digit for event in stage.all(e.CalleePressed)] == ["1", "2", "9"]
    assert stage.times(e.CalleePressed) == [1_000, 1_700, 5_000]
    stage.send(c.Direct("s", (s.Play("hello"), s.HangUp()), "by hand"))
    assert stage.one(e.TakenOver) == e.TakenOver("by hand")
    stage.wait(120)
    assert not stage.all(e.CallEnded)
    stage.perceive(p.SoundEnded())
    assert stage.record.hangup_by is Party.CALLEE


@pytest.mark.parametrize("name", sorted(PERSONAS.keys() - {"busy", "no-answer", "rejects", "handset"}))
@pytest.mark.parametrize("moment", [0, 1, 20], ids=["dialling", "ringing", "connected"])
def test_any_persona_may_take_over_at_any_moment_and_finds_the_call_as_it_is(name, moment):
    stage = Stage(s.Ring(10), s.Answer(), s.Echo()).wait(moment)
    stage.send(c.Direct("s", PERSONAS[name](Random(1)), name)).wait(120)
    assert stage.all(e.ScenarioFailed) == []
    assert stage.statuses == ["Dialing", "Ringing", "Connected"]


def test_one_that_takes_over_a_ringing_inbound_call_begins_at_the_answer():
    stage = inbound(s.Press("1")).send(c.Direct("s", (s.Press("2"),), "other")).wait(1)
    assert stage.all(e.CalleePressed) == []
    stage.send(c.JoinRoom("s", "bot"))
    assert stage.one(e.CalleePressed).digit == "2"


def test_the_generator_that_expects_the_hangup_learns_of_it_and_cleans_up_before_the_call_is_over():
    learnt = []

    def attentive():
        try:
            yield from UP
            learnt.append((yield s.ExpectHangUp(within=10)))
        finally:
            learnt.append("closed")

    stage = Stage(scenario=attentive).wait(2).send(c.HangUp("s"))
    assert learnt == [s.Heard("", 2.0), "closed"]
    assert [type(event) for _, event in stage.story][-3:] == [e.ExpectationMet, e.ScenarioFinished, e.CallEnded]


# --- inbound ---------------------------------------------------------------------------------------------------------


def inbound(*steps, **timing) -> Stage:
    return Stage(*steps, direction=Direction.INBOUND, **timing)


def test_an_inbound_call_rings_and_is_answered_by_joining():
    stage = inbound(s.Ring(8), s.Answer(), s.Wait(2), s.Press("1"), s.HangUp()).wait(3)
    assert stage.one(e.SessionAnnounced).direction is Direction.INBOUND
    assert stage.statuses == ["Dialing", "Ringing"]
    stage.send(c.JoinRoom("s", "bot"))
    assert stage.statuses[-1] == DialStatus.CONNECTED
    stage.wait(10)
    assert stage.times(e.CalleePressed) == [5_000]
    record = stage.record
    assert (record.destination, record.started_at, record.answered_at) == (NUMBER, 0, 3_000)
    assert (record.hangup_by, record.cause) == (Party.CALLER, 16)


def test_by_the_switch_joining_does_not_answer_and_a_hand_does():
    stage = inbound(s.Press("1"), joining_answers=False).send(c.JoinRoom("s", "bot")).wait(1)
    assert stage.statuses == ["Dialing", "Ringing"]
    stage.send(c.AnswerByHand("s"))
    assert stage.statuses[-1] == "Connected"
    assert stage.one(e.CalleePressed)


@pytest.mark.parametrize(
    ("joined", "filed"),
    [(True, (Party.CALLEE, 16, Disposition.ANSWERED)), (False, (Party.CALLEE, 21, Disposition.NO_ANSWER))],
)
def test_the_client_of_an_inbound_call_is_its_callee(joined, filed):
    stage = inbound(s.Silence())
    if joined:
        stage.send(c.JoinRoom("s", "bot"))
    stage.wait(1).send(c.HangUp("s"))
    assert (stage.record.hangup_by, stage.record.cause, stage.record.disposition) == filed


def test_before_its_announcement_an_inbound_call_does_not_ring_and_who_joins_early_answers_then():
    stage = inbound(s.Press("1"), announce_delay=2_000)
    with pytest.raises(InvalidRequest, match="does not ring yet"):
        stage.send(c.AnswerByHand("s"))
    stage.send(c.JoinRoom("s", "bot")).wait(5)
    assert stage.statuses == ["Dialing", "Ringing", "Connected"]
    assert stage.times(e.DialStatusChanged) == [2_000] * 3


def test_a_ringing_inbound_call_that_is_declined_by_hand_is_declined_by_its_callee():
    record = inbound(s.Press("1")).wait(1).send(c.HangUpByHand("s", 21)).record
    assert (record.hangup_by, record.disposition) == (Party.CALLEE, Disposition.NO_ANSWER)


def test_a_caller_whom_nobody_answers_gives_up():
    stage = inbound(s.Silence(), ring_limit=45_000).wait(60)
    record = stage.record
    assert (record.ended_at, record.hangup_by, record.cause) == (45_000, Party.CALLER, 16)
    assert record.disposition is Disposition.CANCEL


# --- whatever happens ------------------------------------------------------------------------------------------------

STEPS = st.sampled_from(
    [
        s.Wait(1), s.Ring(1), s.Answer(), s.Busy(), s.Reject(), s.NoAnswer(), s.Fail(34), s.HangUp(), s.Play("hello"),
        s.Echo(), s.Tone(440, seconds=1), s.Press("1"), s.ExpectSpeech(within=2, otherwise="go_on"),
        s.ExpectDigit(within=2), s.ExpectHangUp(within=2, otherwise="hang_up"),
    ]
)  # fmt: skip
NEWS = st.one_of(
    st.floats(0, 5),
    st.sampled_from(
        [
            c.HangUp("s"), c.HangUpByHand("s"), c.AnswerByHand("s"), c.Break("s", 127), c.JoinRoom("s", "bot"),
            c.Direct("s", (s.Press("2"),), "by hand"), c.PressKeys("s", s.Press("3")),
            *(c.Perceive("s", one) for one in (p.SoundEnded(), p.SoundHeard(""), p.KeyHeard("1"), p.SoundFailed("no"))),
        ]
    ),
)  # fmt: skip


@given(st.lists(STEPS, max_size=8), st.lists(NEWS, max_size=12), st.sampled_from(Direction))
def test_any_scenario_and_any_news_leave_one_record_and_nothing_after_the_end(steps, news, direction):
    stage = Stage(*steps, direction=direction)
    for item in news:
        try:
            stage.wait(item) if isinstance(item, float) else stage.send(item)
        except (LookupError, InvalidRequest):
            pass
        except Exception as error:
            assert type(error).__name__ == "NoSuchSession"
    stage.wait(5 * 3_600)
    ends = [i for i, (_, event) in enumerate(stage.story) if isinstance(event, e.CallEnded)]
    assert len(ends) == len(stage.all(e.RecordIssued)) == 1
    assert {type(event) for _, event in stage.story[ends[0] + 1 :]} <= {e.RecordIssued, e.JoinRefused}
    for outcome in (e.ScenarioFinished, e.ScenarioFailed, e.ScenarioStopped):
        assert len(stage.all(outcome)) <= 1 + len(stage.all(e.TakenOver))
