"""Handsets inside a workspace, to the frame: who speaks when, who hears, and what the journal says."""

import numpy as np
import pytest
from lab import VALID, Lab, lab_of

from mockpbx.contract.errors import InvalidRequest
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.media import facts as f
from mockpbx.media.framing import FRAME
from mockpbx.runtime import hands
from mockpbx.runtime.clock import clock_mode
from mockpbx.runtime.entries import HandsetPickedUp, HandsetPutDown, HandsetVoiced
from mockpbx.runtime.handsets import OutOfReach

UP = (s.Ring(1, setup=0), s.Answer())
WORDS = np.random.default_rng(1).integers(-30_000, 30_000, 8_000, dtype=np.int16)


class Page:
    """A page that remembers what it was told."""

    def __init__(self) -> None:
        self.sound = b""
        self.told: list[object] = []

    def hear(self, frame: bytes) -> None:
        self.sound += frame

    def voice(self, talking: bool) -> None:
        self.told.append("talking" if talking else "scenario")

    def dismiss(self, why: str, sentence: str) -> None:
        self.told.append(why)


class Person:
    """Somebody who holds a call of a lab and talks without a pause, one frame of WORDS for each that passes."""

    def __init__(self, lab: Lab, **how) -> None:
        self.lab, self.page = lab, Page()
        lab.workspace.mode = clock_mode("real")  # as far as a person can tell: the lab's clock is stepped
        self.handset = lab.workspace.handsets.pick_up("s", self.page, **how)

    def talk(self) -> "Person":
        self.lab.workspace.handsets.talk(self.handset)
        return self

    def speak(self, frames: int) -> np.ndarray:
        """Speak for so many frames. Returns what the client got meanwhile."""
        before = len(self.lab.sound())
        for at in range(frames):
            self.handset.microphone.push(WORDS[at * FRAME : (at + 1) * FRAME].tobytes())
            self.lab.advance(20)
        return self.lab.sound()[before:]

    def told(self) -> list[object]:
        told, self.page.told = self.page.told, []
        return told


def connected(*steps: s.Step) -> Lab:
    return lab_of((*UP, *steps, s.Wait(60))).call().advance(1_000)


def heard_from(said: np.ndarray, words: np.ndarray = WORDS) -> bool:
    """Whether the first of these words are among what was said, sample for sample."""
    return words[: 2 * FRAME].tobytes() in said.tobytes()


def test_who_picks_up_hears_both_sides_and_leaves_the_scenario_alone():
    lab = connected(s.Tone(1_000))
    person = Person(lab)
    lab.workspace.play("s", WORDS[:1_600])
    person.speak(12)
    both = np.frombuffer(bytes(person.page.sound), "<i2")
    tone = lab.sound()[-len(both) :]
    sum_of_both = tone[:1_600].astype(int) + WORDS[:1_600]
    assert np.array_equal(both[:1_600], np.clip(sum_of_both, -32_768, 32_767))
    assert np.array_equal(both[1_600:], tone[1_600:])
    assert len(both) == 12 * FRAME
    assert lab.events(e.TakenOver, e.ScenarioStopped) == []
    assert person.told() == []


def test_who_talks_stops_the_scenario_and_is_what_the_client_hears():
    lab = connected(s.Tone(1_000))
    person = Person(lab).talk()
    assert person.told() == ["talking"]
    said = person.speak(10)
    assert np.array_equal(said[FRAME:], WORDS[: 9 * FRAME])
    assert not said[:FRAME].any()  # 40 ms are in hand when it begins
    assert lab.only(e.TakenOver).scenario == "handset"
    assert lab.events(e.ScenarioFailed, e.CallEnded) == []


def test_before_the_answer_nothing_is_said_and_from_the_answer_on_what_is_said_then():
    lab = lab_of(PERSONAS["handset"]).call().advance(1_000)
    person = Person(lab).talk()
    assert person.told() == ["talking"]
    person.speak(20)
    hands.answer(lab.workspace, "s")
    assert np.array_equal(np.trim_zeros(person.speak(10))[: 8 * FRAME], WORDS[: 8 * FRAME])
    assert person.told() == []
    assert lab.events(e.CallEnded) == []


def test_a_person_who_wants_to_talk_rings_in_place_of_a_human_who_would_have_answered():
    lab = lab_of((s.Ring(5), s.Answer(), s.HangUp())).call()
    Person(lab).talk()
    lab.advance(30_000)
    assert lab.workspace.calls.find("s").status == "Ringing"
    lab.advance(31_000)
    assert lab.only(e.CallEnded).record.cause == 19


def test_a_call_that_is_to_be_picked_up_rings_until_the_ring_limit():
    lab = lab_of(PERSONAS["handset"], ring_limit=20).call().advance(20_000)
    assert lab.events(e.CallEnded) == []
    lab.advance(500)
    record = lab.only(e.CallEnded).record
    assert (record.cause, record.hangup_by) == (19, None)


@pytest.mark.parametrize("sound", [s.Play("hello"), s.Play("hello", wait=False), s.Tone(1_000, seconds=0.5)])
def test_what_is_played_by_hand_speaks_in_the_persons_place_until_it_is_over(sound):
    lab = connected()
    person = Person(lab).talk()
    person.speak(5)
    hands.sound(lab.workspace, "s", sound)
    assert person.told()[-1] == "scenario"
    said = person.speak(5)
    assert said.any()
    assert not heard_from(said)
    lab.advance(4_000)
    assert person.told() == ["talking"]
    assert heard_from(person.speak(10))


def test_a_silence_by_hand_is_silent_and_ends():
    lab = connected()
    person = Person(lab).talk()
    hands.sound(lab.workspace, "s", s.Silence(seconds=0.5))
    assert not person.speak(25).any()
    assert heard_from(person.speak(10))
    assert person.told() == ["talking", "scenario", "talking"]


def test_a_persona_keeps_the_call_until_the_person_asks_to_talk_again():
    lab = connected()
    person = Person(lab).talk()
    hands.perform(lab.workspace, "s", Named("silent", PERSONAS["silent"]))
    assert person.told() == ["talking", "scenario"]
    assert not person.speak(10).any()
    person.talk()
    assert person.told() == ["talking"]
    assert heard_from(person.speak(10))


def test_the_journal_says_whenever_it_is_another_who_speaks_in_the_order_in_which_it_is_read():
    lab = connected()
    read = []
    lab.workspace.journal.subscribe(read.append)
    person = Person(lab).talk()
    hands.sound(lab.workspace, "s", s.Tone(1_000, seconds=0.5))
    lab.advance(1_000)
    hands.perform(lab.workspace, "s", Named("silent", PERSONAS["silent"]))
    assert [fact.talking for fact in lab.events(HandsetVoiced)] == [True, False, True, False]
    assert [entry.number for entry in read] == sorted(entry.number for entry in read)
    assert lab.workspace.handsets.hand("s") == "held"
    Person(lab, take_over=True)
    assert len(lab.events(HandsetVoiced)) == 4
    assert person.told()[-1] == "taken"


def test_the_person_is_not_heard_between_two_sentences_of_a_scenario():
    lab = connected()
    person = Person(lab).talk()
    hands.perform(lab.workspace, "s", Named("pair", (s.Play("hello"), s.Wait(1), s.Play("hello"))))
    assert not heard_from(person.speak(45))
    lab.advance(10_000)
    assert not heard_from(person.speak(10))


def test_talking_cuts_a_clip_short_that_would_never_end():
    lab = connected(s.Play("hello", loop=True))
    person = Person(lab).talk()
    assert np.array_equal(person.speak(5)[FRAME:], WORDS[: 4 * FRAME])


def test_keys_lie_over_the_voice_and_do_not_stop_it():
    lab = connected()
    person = Person(lab).talk()
    hands.press(lab.workspace, "s", s.Press("5"))
    person.speak(30)
    assert lab.only(f.DigitReceived).digit == "5"
    assert person.told() == ["talking"]


def test_when_the_page_goes_the_line_falls_silent_the_call_goes_on_and_another_may_pick_up():
    lab = connected()
    person = Person(lab).talk()
    person.speak(10)
    lab.workspace.handsets.put_down(person.handset)
    lab.workspace.handsets.put_down(person.handset)
    assert person.handset.talking is False
    heard = len(person.page.sound)
    assert not person.speak(5).any()
    assert len(person.page.sound) == heard
    down = lab.only(HandsetPutDown)
    assert down.why == "gone"
    assert (down.microphone.accepted, down.microphone.played, down.microphone.queued) == (1_600, 9 * FRAME, 0)
    assert lab.events(e.CallEnded) == []
    other = Person(lab)
    assert other.handset.talking is False
    assert lab.events(HandsetPickedUp) == [HandsetPickedUp(taken_over=False)] * 2
    assert heard_from(other.talk().speak(10))


def test_one_person_holds_a_call_and_another_takes_it_over_with_the_voice():
    lab = connected()
    first = Person(lab).talk()
    with pytest.raises(OutOfReach, match="Another page") as refused:
        Person(lab)
    assert refused.value.reason == "held"
    second = Person(lab, take_over=True)
    assert first.told() == ["talking", "taken"]
    assert second.handset.talking is True
    assert not first.speak(5).any()
    assert heard_from(second.speak(10))
    assert len(first.page.sound) == 0
    assert [fact.why for fact in lab.events(HandsetPutDown)] == ["taken"]
    lab.workspace.handsets.talk(first.handset)
    lab.workspace.handsets.put_down(first.handset)
    assert second.told() == first.told() == []


def test_the_end_of_the_call_is_the_end_of_the_handset_and_nothing_is_heard_behind_it():
    lab = connected()
    person = Person(lab).talk()
    person.speak(5)
    lab.workspace.play("s", WORDS)
    heard = len(person.page.sound)
    hands.hang_up(lab.workspace, "s")
    lab.advance(1_000)
    assert person.told() == ["talking", "ended"]
    assert len(person.page.sound) == heard
    kinds = [type(event) for _, name, event in lab.journal if name == "s"]
    assert kinds[kinds.index(HandsetPutDown) :][:3] == [HandsetPutDown, f.MediaStopped, e.CallEnded]
    for reason, session in (("ended", "s"), ("unknown", "t")):
        with pytest.raises(OutOfReach) as refused:
            lab.workspace.handsets.pick_up(session, person.page)
        assert refused.value.reason == reason


@pytest.mark.parametrize("mode", ["manual", "auto", "20x"])
def test_a_person_can_only_talk_in_real_time(mode):
    lab = connected()
    person = Person(lab).talk()
    lab.workspace.set_clock(mode)
    assert person.told() == ["talking", "clock"]
    assert [fact.why for fact in lab.events(HandsetPutDown)] == ["clock"]
    with pytest.raises(OutOfReach, match=f"The clock is {mode}.*PUT /__admin/clock") as refused:
        lab.workspace.handsets.pick_up("s", person.page)
    assert refused.value.reason == "clock"


def test_a_busy_call_cannot_be_talked_on():
    lab = lab_of((s.Busy(setup=0, seconds=5),)).call().advance(1_000)
    person = Person(lab)
    with pytest.raises(InvalidRequest, match="busy"):
        person.talk()
    lab.advance(5_000)
    assert person.told() == ["ended"]
    assert lab.only(e.CallEnded).record.cause == 17


def test_a_caller_may_be_a_person_too():
    lab = Lab(Plan((Rule.of("*", Named("handset", PERSONAS["handset"])),)))
    lab.workspace.receive_call("s", "02150001234", VALID)
    lab.workspace.announce("s")
    person = Person(lab).talk()
    lab.workspace.join("s", "bot")
    assert heard_from(person.speak(10))


def test_a_call_that_nobody_holds_is_as_it_ever_was():
    lab = connected(s.Play("hello"))
    lab.workspace.play("s", WORDS)
    lab.advance(30_000)
    lab.workspace.stop()
    assert lab.events(HandsetPickedUp, HandsetPutDown) == []
    assert lab.workspace.line("s") is None
