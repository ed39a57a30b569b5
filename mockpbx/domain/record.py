"""A call's record: its times in milliseconds, its disposition and its cause."""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.contract.vocabulary import Direction, Disposition, Party

#: How a call that nobody answered is filed; every cause that is not here is a failure.
UNANSWERED = {
    17: Disposition.BUSY,
    18: Disposition.NO_ANSWER,
    19: Disposition.NO_ANSWER,
    21: Disposition.NO_ANSWER,
}


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One ended call. Times are integer milliseconds since 1970 on the workspace's clock."""

    session_id: str
    destination: str
    direction: Direction
    started_at: int
    answered_at: int | None
    ended_at: int
    hangup_by: Party | None
    cause: int
    disposition: Disposition

    @property
    def duration(self) -> int:
        """Whole seconds from start to end: from the milliseconds, never from truncated times."""
        return (self.ended_at - self.started_at) // 1000

    @property
    def billable_seconds(self) -> int:
        """Whole seconds from answer to end, 0 when unanswered."""
        return 0 if self.answered_at is None else (self.ended_at - self.answered_at) // 1000


def file_record(
    *,
    session_id: str,
    destination: str,
    direction: Direction,
    started_at: int | None,
    answered_at: int | None,
    ended_at: int,
    by: Party | None,
    cause: int,
    cancel_is_no_answer: bool = False,
) -> CallRecord:
    """Return the record of a call that ended so, by who ended it and with what cause.

    A call that ended before dialling began starts at its end. An unanswered call that the caller gave up is a CANCEL;
    with `cancel_is_no_answer` it is filed as the document's sample shows it: NO ANSWER, hung up by nobody.
    """
    if answered_at is not None:
        disposition = Disposition.ANSWERED
    elif by is Party.CALLER:
        disposition = Disposition.NO_ANSWER if cancel_is_no_answer else Disposition.CANCEL
        by = None if cancel_is_no_answer else by
    else:
        disposition = UNANSWERED.get(cause, Disposition.FAILED)
    return CallRecord(
        session_id=session_id,
        destination=destination,
        direction=direction,
        started_at=ended_at if started_at is None else started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        hangup_by=by,
        cause=cause,
        disposition=disposition,
    )
