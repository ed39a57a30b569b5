"""Facts to expect of a call: how they are named, narrowed and shown, and what their mistakes say."""

import re

import pytest

from mockpbx.contract.vocabulary import DialStatus as Status
from mockpbx.contract.vocabulary import Direction, Disposition, Party
from mockpbx.domain import events as e
from mockpbx.domain.record import file_record
from mockpbx.domain.scenario import STEPS, ExpectDigit, Play, Tone
from mockpbx.evidence import patterns as p
from mockpbx.evidence.patterns import FACTS, CheckpointReached, Connected, Digit, Ended, fact_named, unknown
from mockpbx.media import facts as f
from mockpbx.runtime.entries import AudioRefused


def record(**changes) -> e.CallEnded:
    known = {"session_id": "s", "destination": "089608675796", "direction": Direction.OUTBOUND, "started_at": 0}
    known |= {"answered_at": 2_500, "ended_at": 5_000, "by": Party.CALLER, "cause": 16}
    return e.CallEnded(file_record(**(known | changes)))


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        (Connected, "Connected"),
        (Digit("1"), 'Digit("1")'),
        (Digit("a", in_band=True), 'Digit("A", in_band=True)'),
        (CheckpointReached("goodbye"), 'CheckpointReached("goodbye")'),
        (CheckpointReached("good\x1bbye"), 'CheckpointReached("good\\u001bbye")'),
        (Ended("CALLER"), 'Ended(by="CALLER")'),
        (Ended(cause=16, by=Party.CALLER), 'Ended(by="CALLER", cause=16)'),
        (Ended(by=None, answered=False), "Ended(by=None, answered=False)"),
        (Ended(by="CALLER")(cause=16), 'Ended(by="CALLER", cause=16)'),
        (p.DialStatus(Status.BUSY), 'DialStatus("Busy")'),
        (p.Interrupted(cleared=0.5), "Interrupted(cleared=0.5)"),
    ],
)
def test_a_fact_reads_as_it_is_written(fact, shown):
    assert repr(fact) == shown


@pytest.mark.parametrize(
    ("fact", "event", "fits"),
    [
        (Connected, e.DialStatusChanged(Status.CONNECTED), True),
        (Connected, e.DialStatusChanged(Status.RINGING), False),
        (p.DialStatus, e.DialStatusChanged(Status.RINGING), True),
        (Digit("1"), f.DigitReceived("1", in_band=True), True),
        (Digit("1", in_band=False), f.DigitReceived("1", in_band=True), False),
        (Digit("1"), f.DigitHeard("1"), False),
        (CheckpointReached("part*"), f.CheckpointReached("part 2"), True),
        (CheckpointReached("part ?"), f.CheckpointReached("part 10"), False),
        (CheckpointReached("[1]*"), f.CheckpointReached("[1] hello"), True),
        (CheckpointReached("what?*"), f.CheckpointReached("what?*"), True),
        (CheckpointReached("Goodbye"), f.CheckpointReached("goodbye"), False),
        (p.AudioRefused("not connected"), AudioRefused("Call is not connected", 320), True),
        (p.AudioRefused("odd"), AudioRefused("Call is not connected", 320), False),
        (p.Interrupted(cleared=0.5), f.PlayoutInterrupted(4_000), True),
        (p.Interrupted(cleared=lambda seconds: seconds > 0.5), f.PlayoutInterrupted(4_000), False),
        (p.CalleeSpoke("hello"), e.CalleeSpoke(Play("hello")), True),
        (p.CalleeSpoke("tone"), e.CalleeSpoke(Tone(440)), True),
        (p.ExpectationMet("5", expected="expect_digit"), e.ExpectationMet(ExpectDigit(), "5", 10), True),
        (Ended(by="CALLER", cause=16, disposition="ANSWERED"), record(), True),
        (Ended(duration=5, billable_seconds=2, answered=True), record(), True),
        (Ended(by=None), record(), False),
        (Ended(by="CALLER"), record(by=None, cause=127), False),
        (Ended(disposition=Disposition.BUSY, answered=False), record(by=None, cause=17, answered_at=None), True),
        (Ended, object(), False),
    ],
)
def test_a_fact_fits_what_says_the_same(fact, event, fits):
    assert fact.fits(event) is fits


@pytest.mark.parametrize(
    ("narrow", "error", "sentence"),
    [
        (lambda: Digit("x"), ValueError, 'Digit: digit: expected one key out of 0123456789*#ABCD, got "x"'),
        (lambda: Digit("12"), ValueError, 'got "12"'),
        (lambda: Digit(1), ValueError, "expected one key out of 0123456789*#ABCD, got 1"),
        (lambda: Ended(cause=999), ValueError, "102 or 127, got 999: did you mean 127?"),
        (lambda: Ended(cause=True), ValueError, "got True"),
        (lambda: Ended(disposition="ANSWERD"), ValueError, 'got "ANSWERD": did you mean ANSWERED?'),
        (lambda: Ended(by="caller"), ValueError, 'CALLER or CALLEE or None, got "caller": did you mean CALLER?'),
        (lambda: Ended(answered=1), ValueError, "expected True or False, got 1"),
        (lambda: Ended(duration=-1), ValueError, "expected a whole number from 0 on, got -1"),
        (lambda: Ended(duration=None), ValueError, "got None"),
        (lambda: p.Interrupted(cleared=float("nan")), ValueError, "expected seconds"),
        (lambda: p.DialStatus("connected"), ValueError, "did you mean Connected?"),
        (lambda: CheckpointReached(7), ValueError, "CheckpointReached: name: expected text, got 7"),
        (lambda: CheckpointReached(Digit("1")), ValueError, "got Fact"),
        (lambda: CheckpointReached(str), ValueError, "expected text"),
        (lambda: p.FaultStruck("event_lots"), ValueError, "did you mean event_lost?"),
        (lambda: CheckpointReached(label="x"), TypeError, 'CheckpointReached has no field "label", it takes name'),
        (lambda: Ended(couse=16), TypeError, "billable_seconds and answered: did you mean cause?"),
        (lambda: Connected("now"), TypeError, "Connected takes no fields, got 1 value"),
        (lambda: Digit("1", True, 200), TypeError, "Digit takes digit and in_band, got 3 values"),
        (lambda: Digit("1", digit="2"), TypeError, "Digit got digit twice: give it once"),
    ],
)
def test_what_no_fact_ever_says_is_refused_where_it_is_written(narrow, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        narrow()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Conected", "Connected"),
        ("connected", "Connected"),
        ("Busy", 'DialStatus("Busy")'),
        ("DigitReceived", "Digit"),
        ("checkPoint", "CheckpointReached"),
        ("cdr", "RecordIssued"),
        (STEPS["answer"], "Connected"),
        (STEPS["press"]("1"), "Digit"),
    ],
)
def test_an_unknown_fact_is_answered_by_the_one_that_was_meant(name, meant):
    shown = name if isinstance(name, str) else getattr(name, "__name__", type(name).__name__)
    assert unknown(name).startswith(
        f'"{shown}" is no fact of a call: did you mean {meant}? There are: Placed, Announced'
    )


def test_a_word_that_is_like_nothing_gets_the_list():
    assert unknown("zzz\x1b").startswith('"zzz\\u001b" is no fact of a call: There are: Placed')


def test_json_names_a_fact_and_its_fields_in_either_case():
    assert fact_named("Ended", {"billableSeconds": 3}) == fact_named("Ended", {"billable_seconds": 3})
    assert fact_named("Ended", {"by": None}) == Ended(by=None)
    assert fact_named("Digit") == Digit
    for name, fields in (("Conected", {}), (None, {}), ("Digit", {"dgit": "1"}), ("Digit", {"digit": []})):
        with pytest.raises(ValueError, match=r"is no fact of a call|has no field|expected one key"):
            fact_named(name, fields)


def test_facts_can_be_imported_by_their_names_beside_the_steps_of_scenarios():
    assert all(getattr(p, name) is fact and fact.name == name and fact.about for name, fact in FACTS.items())
    assert not FACTS.keys() & {step.__name__ for step in STEPS.values()}
