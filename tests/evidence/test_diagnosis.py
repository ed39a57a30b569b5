"""What a failed expectation says: each test lets a client make one mistake, and reads the explanation."""

import re

import numpy as np
import pytest
from lab import Lab, lab_of

from mockpbx.contract.errors import PBXError
from mockpbx.contract.vocabulary import Direction
from mockpbx.domain import scenario as s
from mockpbx.evidence import patterns as p
from mockpbx.evidence.diagnosis import explain
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.judging import judge
from mockpbx.evidence.patterns import (
    CheckpointReached,
    Connected,
    Digit,
    DigitHeard,
    Ended,
    Interrupted,
    Joined,
    PlayoutStarted,
    RecordIssued,
)
from mockpbx.runtime import hands
from mockpbx.runtime.faults import FaultStruck

UP = (s.Ring(2, setup=0.5), s.Answer())  # Connected at 2.500 s
SECOND = np.full(8_000, 1_000, dtype=np.int16)


class Client:
    """A client of one call, whose events are refused as its socket's would be."""

    def __init__(self, lab: Lab, session: str = "s") -> None:
        self.lab, self.workspace, self.session = lab, lab.workspace, session

    def after(self, ms: int) -> "Client":
        self.lab.advance(ms)
        return self

    def says(self, seconds: float = 1.0) -> "Client":
        sound = np.resize(SECOND, round(seconds * 8_000))
        try:
            self.workspace.play(self.session, sound)
        except PBXError as refusal:
            self.workspace.refuse_audio(self.session, 2 * len(sound), str(refusal))
        return self

    def sends(self, event: str, *values: object) -> "Client":
        actions = {"checkPoint": self.workspace.mark, "dtmf": self.workspace.press}
        actions |= {"interruption": self.workspace.interrupt, "hangup": self.workspace.hang_up}
        try:
            actions[event](self.session, *values)
        except PBXError as refusal:
            self.workspace.refuse_event(self.session, event, str(refusal))
        return self

    def told(self, *wanted: p.Fact, after: int = 0) -> str:
        """Expect facts in vain, and return what is said of it."""
        dossier = dossier_of(self.workspace, "s")
        judgement = judge(dossier.entries, wanted, after)
        assert not judgement.met
        known = {view.session_id for view in self.workspace.calls.calls()}
        stray = [entry for entry in self.workspace.journal if entry.session_id not in known]
        text = explain(dossier, wanted, judgement, stray)
        assert all(len(line) <= 100 for line in text.splitlines()[1:])
        return text


def calling(*steps: s.Step, **switches) -> Client:
    return Client(lab_of((*UP, *steps), **switches).call())


def part(text: str, head: str) -> str:
    """Return the part of an explanation below a heading, on one line."""
    found = re.search(rf"^{head}:\n(.*?)(\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return "" if found is None else " ".join(found[1].split())


def causes(text: str) -> str:
    return part(text, "likely cause")


# --- checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_that_the_client_hung_up_on():
    client = calling(s.Wait(60)).after(3_000).says(2).sends("checkPoint", "goodbye").after(1_960).sends("hangup")
    text = client.told(Connected, CheckpointReached("goodbye"))
    assert text.startswith('expected CheckpointReached("goodbye") after Connected, but the call ended first\n\n')
    assert causes(text).startswith(
        "the client hung up at 4.960 s, 40 ms before the checkpoint would have been reached: "
        "so much of the sound before it was never heard"
    )
    assert part(text, "nearest").startswith(
        'CheckpointCleared("goodbye") at 4.960 s CheckpointQueued("goodbye") at 3.000'
    )


def test_a_checkpoint_that_an_interruption_cleared_just_before_its_end():
    client = calling(s.Wait(60)).after(3_000).says(1).sends("checkPoint", "goodbye").after(960).sends("interruption")
    text = client.after(500).told(CheckpointReached("goodbye"))
    assert text.startswith('expected CheckpointReached("goodbye"), but it has not come so far\n')
    assert "the checkpoint was cleared by an interruption at 3.960 s, 40 ms before its end" in causes(text)


def test_a_checkpoint_behind_sound_on_a_clock_that_stands_still():
    client = calling(s.Wait(60)).after(3_000).says(3).sends("checkPoint", "goodbye").after(1_000)
    told = causes(client.told(CheckpointReached("goodbye")))
    assert "2.000 s of sound were still queued before the checkpoint at 4.000 s" in told
    assert "the clock is manual: advance it to 6.020 s or later" in told
    client.after(2_020)
    dossier = dossier_of(client.workspace, "s")
    assert judge(dossier.entries, [CheckpointReached("goodbye")]).met


def test_a_checkpoint_of_another_spelling():
    client = calling(s.Wait(60)).after(3_000).says(0.2).sends("checkPoint", "good bye").after(710)
    text = client.told(CheckpointReached("goodbye"))
    assert part(text, "nearest") == ('CheckpointReached("good bye") at 3.220 s: name "good bye" is not "goodbye"')
    assert causes(text).startswith(
        'the client\'s checkpoint is named "good bye" (at 3.000 s), the test expects "goodbye"'
    )


def test_a_checkpoint_that_was_sent_before_its_audio():
    client = calling(s.Wait(60)).after(3_000).sends("checkPoint", "goodbye").says(1.2).after(3_000)
    text = client.told(PlayoutStarted, CheckpointReached("goodbye"))
    assert text.startswith('expected CheckpointReached("goodbye") after PlayoutStarted, but it came before that and ')
    assert part(text, "nearest") == (
        'CheckpointReached("goodbye") at 3.000 s: before PlayoutStarted at 3.020 s; the order is what differs'
    )
    assert causes(text) == (
        "the checkpoint was sent while nothing was queued, so it fired at once, at 3.000 s; "
        "the 1.200 s of audio came after it: send checkPoint behind the audio that it marks"
    )


def test_a_checkpoint_that_nobody_sent():
    text = calling(s.Wait(60)).after(3_000).says(1).after(2_000).told(CheckpointReached("goodbye"))
    assert causes(text).startswith("the client sent no `checkPoint` in this call")
    assert "nearest" not in text


def test_one_checkpoint_where_two_were_expected():
    client = calling(s.Wait(60)).after(3_000).says(1).sends("checkPoint", "part").after(2_000)
    text = client.told(CheckpointReached("part"), CheckpointReached("part"))
    assert 'CheckpointReached("part") at 4.020 s: once, and the expectation has it already' in text
    assert text.startswith('expected CheckpointReached("part") after CheckpointReached("part"), but it came ')


# --- sound and keys --------------------------------------------------------------------------------------------------


def test_audio_that_came_before_the_answer():
    client = calling(s.Wait(60)).after(2_340).says(0.02).after(20).says(0.02).after(20).says(0.02).after(3_000)
    text = client.told(Connected, PlayoutStarted)
    assert causes(text).startswith("`audio` was sent 120 ms before Connected and refused (3 messages)")
    assert "!    2.340  ●───────▷ │         │  audio refused: Call is not connected (× 3), until 2.380" in text


def test_audio_that_was_refused_for_what_it_was():
    client = calling(s.Wait(60)).after(3_000)
    client.workspace.refuse_audio("s", 321, "pcm16 needs whole 16-bit samples: 321 bytes is an odd number")
    text = client.told(PlayoutStarted)
    assert causes(text).startswith("`audio` was refused at 3.000 s: pcm16 needs whole 16-bit samples")


def test_audio_that_came_after_the_end():
    client = calling(s.HangUp()).after(3_000).says(1)
    text = client.told(Connected, PlayoutStarted)
    assert causes(text).startswith("`audio` came 500 ms after the end of the call and was refused")


def test_audio_for_a_session_that_is_no_call():
    client = calling(s.Wait(60)).after(3_000)
    Client(client.lab, "0198\x1b[31m").says(1)
    text = client.told(PlayoutStarted)
    assert '`audio` at 3.000 s named the session "0198\\u001b[31m", which is no call' in causes(text)
    assert "\x1b" not in text


def test_a_digit_before_the_answer():
    text = calling(s.Wait(60)).after(2_300).sends("dtmf", "5", 200).after(2_000).told(DigitHeard("5"))
    assert causes(text).startswith("`dtmf` was sent 200 ms before Connected and refused: wait for dialStatus Connected")


def test_a_digit_that_was_refused():
    client = calling(s.Wait(60)).after(3_000)
    client.workspace.refuse_event("s", "dtmf", "digit is not valid: expected one of 0123456789*#ABCD")
    assert causes(client.told(DigitHeard("5"))).startswith("`dtmf` was refused at 3.000 s: digit is not valid")


def test_a_digit_behind_sound():
    client = calling(s.Wait(60)).after(3_000).says(3).sends("dtmf", "5", 200).after(1_000)
    text = client.told(DigitHeard("5"))
    assert causes(text).startswith(
        "the digit was sent at 3.000 s and waited its turn behind the sound sent before it; "
        "it waits still at 4.000 s; the clock is manual: advance it"
    )
    assert 'DigitQueued("5") at 3.000 s' in part(text, "nearest")
    client.sends("interruption")
    assert "the interruption at 4.000 s cleared it" in causes(client.told(DigitHeard("5")))


def test_an_interruption_that_came_too_late_to_clear_anything():
    client = calling(s.Wait(60)).after(3_000).says(1).after(1_500).sends("interruption")
    text = client.told(Interrupted(cleared=lambda seconds: seconds > 0))
    assert causes(text).startswith(
        "the interruption at 4.500 s came when no sound was queued: all had been heard 480 ms before"
    )
    assert "Interrupted(cleared=0) at 4.500 s: cleared 0 is not as <lambda> wants it" in part(text, "nearest")


# --- the other end ---------------------------------------------------------------------------------------------------


def test_a_key_behind_an_expectation_that_was_missed():
    text = calling(s.ExpectSpeech(within=2), s.Press("1")).after(10_000).told(Connected, Digit("1"))
    assert text.startswith('expected Digit("1") after Connected, but the call ended first\n')
    assert causes(text).startswith(
        "the scenario failed at its step 3 at 4.500 s: expect_speech was not met within 2 s; the steps behind"
    )


def test_a_key_behind_what_the_client_has_not_done_yet():
    client = calling(s.Play("hello"), s.ExpectDigit("5", within=20), s.Press("1")).after(5_000)
    text = client.told(Digit("1"))
    assert causes(text).startswith('the scenario waits at its step 4 for expect_digit "5" within 20 s since 3.000 s')
    assert "and the client has not done that; the clock is manual: advance it" in causes(text)


def test_a_key_that_no_step_presses():
    assert "the scenario test presses 23 and no other key" in causes(
        calling(s.Press("23"), s.HangUp()).after(9_000).told(Digit("1"))
    )
    assert "the scenario test presses no key" in causes(calling(s.HangUp()).after(9_000).told(Digit("1")))


def test_a_key_behind_what_the_client_hung_up_on():
    text = calling(s.ExpectSpeech(within=9), s.Press("1")).after(4_000).sends("hangup").told(Digit("1"))
    assert causes(text).startswith(
        "the scenario was cut short at its step 3 at 4.000 s while it waited for expect_speech within 9 s: the client"
    )


def test_a_key_that_came_too_soon():
    client = calling(s.Press("1"), s.Wait(60)).after(4_000).says(0.5).sends("checkPoint", "menu").after(1_000)
    text = client.told(CheckpointReached("menu"), Digit("1"))
    assert causes(text).startswith("it came at 2.500 s and not again: mind the order")


def test_a_key_too_short_to_be_detected():
    text = calling(s.Press("1", seconds=0.02, via="in_band"), s.Wait(1)).after(4_000).told(Digit("1"))
    assert causes(text).startswith(
        "the callee pressed 1 in band for 20 ms at 2.500 s, and the service detected no digit"
    )


def test_a_key_that_was_not_pressed_since_a_person_took_over():
    client = calling(s.Wait(5), s.Press("1")).after(3_000)
    hands.sound(client.workspace, "s", s.Silence())
    text = client.after(6_000).told(Digit("1"))
    assert "the scenario was cut short at its step 3 at 3.000 s: a person took over" in causes(text)


# --- how it went and ended -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("08000000017", "the callee was busy (cause 17: Destination busy), the call ended at 1.500 s"),
        ("08000000018", "the callee did not respond (cause 18: No response from destination)"),
        ("08000000019", "the callee did not answer (cause 19: Destination not answering)"),
        ("08000000021", "the callee declined the call at 1.500 s (cause 21)"),
        ("08000000034", "the call broke at 1.000 s as its scenario says (cause 34: Network congestion)"),
    ],
)
def test_a_call_that_was_not_answered(number, why):
    client = Client(Lab().call(number).advance(20_000))
    assert causes(client.told(Connected)).startswith(why)


def test_a_client_that_gave_up_before_the_answer():
    text = calling().after(1_000).sends("hangup").told(Connected)
    assert causes(text).startswith("the client hung up at 1.000 s, before the answer")
    assert 'DialStatus("Ringing") at 0.500 s: status "Ringing" is not "Connected"' in part(text, "nearest")


def test_a_phone_that_rings_too_long():
    client = Client(lab_of((s.Ring(1),), ring_limit=5).call().advance(20_000))
    assert causes(client.told(Connected)).startswith("nobody answered within 5 s (ring_limit), at 6.500 s")


def test_a_phone_that_rings_still():
    text = calling().after(1_000).told(Connected)
    assert causes(text) == (
        "the call is Ringing since 0.500 s, and its scenario has not gone on; the clock is manual: advance it"
    )


def test_an_inbound_call_that_nobody_joins():
    lab = lab_of((s.Wait(60),))
    lab.workspace.receive_call("s", "0211234567", "0898765432")
    lab.workspace.announce("s")
    client = Client(lab.advance(1_000))
    assert dossier_of(lab.workspace, "s").call.direction is Direction.INBOUND
    assert causes(client.told(Connected)).startswith("the call is Ringing since 0.000 s, until a client joins its room")
    assert "caller" in client.told(Connected).splitlines()[4]


def test_a_call_that_the_other_one_ended():
    text = calling(s.Wait(1), s.HangUp()).after(9_000).told(Connected, Ended(by="CALLER", cause=16))
    assert text.startswith('expected Ended(by="CALLER", cause=16) after Connected, but the call ended otherwise\n')
    assert part(text, "nearest") == 'Ended(by="CALLEE", cause=16) at 3.500 s: by "CALLEE" is not "CALLER"'
    assert causes(text) == "the callee hung up at 3.500 s, as its scenario says"


def test_a_call_that_reached_its_limit():
    text = calling(s.Wait(600), call_limit=5).after(9_000).told(Ended(by="CALLER"))
    assert causes(text).startswith("the call reached its time limit of 5 s (call_limit) at 7.500 s")


def test_a_call_that_the_emulator_broke():
    client = calling(s.Wait(600)).after(3_000)
    client.workspace.stop()
    assert causes(client.told(Ended(by="CALLER"))).startswith(
        "the call was broken at 3.000 s (cause 127: System error)"
    )


def test_a_call_that_nobody_ends():
    text = calling(s.Wait(1)).after(9_000).told(Ended)
    assert causes(text).startswith(
        "the call is Connected since 2.500 s, its scenario is over without hanging up, and the client has not hung up"
    )


def test_a_record_that_is_not_due_yet():
    client = calling(s.Wait(600)).after(3_000).sends("hangup").after(500)
    text = client.told(Ended, RecordIssued)
    assert text.startswith("expected RecordIssued after Ended, but the record is not issued yet\n")
    assert causes(text) == (
        "the record is issued 2 s (record_delay) after the end, at 5.000 s; "
        "the clock is manual: advance it to 5.000 s or later"
    )


def test_a_client_that_never_joined():
    lab = lab_of((*UP, s.Wait(60)))
    lab.workspace.place_call("s", "089608675796")
    lab.workspace.announce("s")
    client = Client(lab.advance(9_000))
    assert causes(client.told(Joined)).startswith("no client joined the call's room (joinRoom)")
    assert "no client joined the call's room (joinRoom)" in causes(client.told(CheckpointReached("x")))
    lab.workspace.note("s", FaultStruck("event_lost", "newSession"))
    assert "no client joined the call: the fault event_lost had struck newSession" in causes(client.told(Joined))


def test_a_client_that_joined_late():
    lab = lab_of((*UP, s.Wait(60)))
    lab.workspace.place_call("s", "089608675796")
    lab.workspace.announce("s")
    lab.advance(4_000).workspace.join("s", "me")
    text = Client(lab).after(1_000).told(PlayoutStarted)
    assert "the client joined the room 500 ms after Connected" in causes(text)


def test_a_client_that_came_after_the_call():
    lab = lab_of((*UP, s.HangUp()))
    lab.workspace.place_call("s", "089608675796")
    lab.workspace.announce("s")
    lab.advance(5_000).workspace.join("s", "me")
    text = Client(lab).told(Joined)
    assert causes(text).startswith("the client's joinRoom came at 5.000 s only, when the call was over")
    assert "JoinRefused at 5.000 s" in part(text, "nearest")


def test_an_event_that_a_fault_lost():
    client = calling(s.Wait(60)).after(3_000)
    client.workspace.note("s", FaultStruck("event_lost", "dialStatus"))
    text = client.after(1_000).told(PlayoutStarted)
    assert causes(text).startswith("the fault event_lost struck dialStatus at 3.000 s")


def test_what_a_client_names_leaves_the_terminal_alone():
    client = calling(s.Wait(60)).after(3_000).says(0.1).sends("checkPoint", "good\x1b[31m\u202e\nbye").after(900)
    text = client.told(CheckpointReached("goodbye"))
    assert all(line.isprintable() for line in text.splitlines())
    assert "good\\u001b[31m\\u202e\\nbye" in text
