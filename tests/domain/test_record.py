import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.contract.vocabulary import HANGUP_CAUSES, Direction, Disposition, Party
from mockpbx.domain.record import file_record


def filed(**how):
    times = {"started_at": 1_000, "answered_at": None, "ended_at": 2_000}
    call = {"session_id": "s", "destination": "0811234567", "direction": Direction.OUTBOUND}
    return file_record(**(call | times | {"by": None, "cause": 16} | how))


def test_the_documents_own_sample_comes_out():
    # 05:17:28 to 05:17:40 are 11 s there, 5 s of them billable: computed from milliseconds, never from what is shown.
    record = filed(started_at=28_900, answered_at=34_900, ended_at=40_100, by=Party.CALLEE)
    assert (record.duration, record.billable_seconds) == (11, 5)


@pytest.mark.parametrize("cause", HANGUP_CAUSES)
def test_an_answered_call_is_answered_whatever_ends_it(cause):
    assert filed(answered_at=1_500, cause=cause).disposition is Disposition.ANSWERED


def test_a_call_given_up_by_the_client_is_a_cancel_or_by_the_switch_no_answer_of_nobody():
    given_up = filed(by=Party.CALLER)
    assert (given_up.disposition, given_up.hangup_by) == (Disposition.CANCEL, Party.CALLER)
    as_sample = filed(by=Party.CALLER, cancel_is_no_answer=True)
    assert (as_sample.disposition, as_sample.hangup_by) == (Disposition.NO_ANSWER, None)


def test_a_call_that_ended_before_it_was_dialled_starts_at_its_end():
    assert filed(started_at=None).started_at == 2_000


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_record_never_bills_more_than_it_lasted(start, ring, talk):
    record = filed(started_at=start, answered_at=start + ring, ended_at=start + ring + talk)
    assert 0 <= record.billable_seconds <= record.duration
    assert record.duration == (ring + talk) // 1000
