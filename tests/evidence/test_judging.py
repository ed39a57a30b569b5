"""Facts in order among a call's entries."""

from hypothesis import given
from hypothesis import strategies as st
from lab import lab_of

from mockpbx.domain import scenario as s
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.judging import count, first, judge
from mockpbx.evidence.patterns import Announced, Connected, Digit, Ended, Placed, RecordIssued, Ringing
from mockpbx.media.facts import DigitReceived
from mockpbx.runtime.journal import Entry


def entries_of(ms: int) -> tuple[Entry, ...]:
    lab = lab_of((s.Ring(2), s.Answer(), s.Press("121"), s.HangUp())).call().advance(ms)
    return dossier_of(lab.workspace, "s").entries


def test_what_happened_in_this_order_with_anything_between_is_met():
    judgement = judge(entries_of(9_000), [Connected, Digit("1"), Digit("1"), Ended(by="CALLEE")])
    assert judgement.met
    assert judgement.over
    assert [entry.kind for entry in judgement.matched] == [
        "DialStatusChanged",
        "DigitReceived",
        "DigitReceived",
        "CallEnded",
    ]
    assert [entry.event.digit for entry in judgement.matched[1:3]] == ["1", "1"]


def test_the_first_that_is_missing_is_named_and_the_rest_is_not_looked_for():
    judgement = judge(entries_of(9_000), [Digit("2"), Ringing, Ended])
    assert not judgement.met
    assert judgement.missing == Ringing
    assert judgement.since == judgement.matched[0].number


def test_a_call_is_over_with_its_record():
    assert not judge(entries_of(4_000), [RecordIssued]).over
    assert judge(entries_of(9_000), [RecordIssued]).over


def test_only_what_comes_behind_an_entry_counts():
    entries = entries_of(9_000)
    answered = first(entries, Connected)
    assert first(entries, Placed, answered.number) is None
    assert judge(entries, [Announced], answered.number).missing == Announced
    assert judge(entries, [Connected], answered.number).missing == Connected
    assert count(entries, Digit("1")) == 2
    one = first(entries, Digit("1"))
    assert count(entries, Digit, one.number) == 2


@given(st.text("123", max_size=8), st.text("123", max_size=4))
def test_facts_are_met_just_if_they_are_a_subsequence(happened, wanted):
    entries = [Entry(n, n, 0, "s", DigitReceived(digit, False)) for n, digit in enumerate(happened, 1)]
    rest = iter(happened)
    assert judge(entries, [Digit(digit) for digit in wanted]).met is all(digit in rest for digit in wanted)
