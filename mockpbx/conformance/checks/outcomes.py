"""How a call ended, by its record: disposition, who hung up, and the cause."""

from __future__ import annotations

from collections.abc import Callable

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.checks.record_views import record_of, shown_by
from mockpbx.conformance.checks.shapes import is_whole, shown
from mockpbx.conformance.checks.views import each, is_unanswered, placed, readings, was_answered
from mockpbx.conformance.run import Call, Run
from mockpbx.contract.vocabulary import HANGUP_CAUSES, Disposition

_EVENT = "cdr, cdr field"
_CAUSES = "cdr, hangup cause code"


@check(
    "disposition-spelling",
    _EVENT,
    "disposition is ANSWERED, NO ANSWER, BUSY, FAILED or CANCEL, spelt so",
    "listening",
    "cancelled",
)
def disposition_spelling(run: Run) -> str:
    """Judge every record."""

    def judge(call: Call) -> None:
        view, record = record_of(call)
        value = record.get("disposition")
        if not isinstance(value, str):
            raise Unclear("disposition is no text")
        if value not in set(Disposition):
            raise Violated(f"disposition is {shown(value)}", *shown_by(call, view))

    return each(placed(run), judge)


@check("hangup-by", _EVENT, "hangupBy is who hung up, or null", "listening")
def hangup_by(run: Run) -> str:
    """Judge the calls that were hung up: by this client, or by a callee who had answered."""

    def judge(call: Call) -> None:
        view, record = record_of(call)
        by = _who(call)
        if record.get("hangupBy", by) not in (by, None):
            got = f"hangupBy is {shown(record['hangupBy'])}, and the {by.lower()} hung up"
            raise Violated(got, *shown_by(call, view))

    return each(placed(run), judge)


@check("cause-code", _CAUSES, "hangupCauseCode is in the table of causes", "listening")
def cause_code(run: Run) -> str:
    """Judge every record that has a code."""

    def judge(call: Call) -> None:
        view, code = _cause(call)
        if code not in HANGUP_CAUSES:
            raise Violated(f"hangupCauseCode is {code}", *shown_by(call, view))

    return each(placed(run), judge)


@check("cause-text", _CAUSES, "hangupCauseText is that of the code, by the table's or Asterisk's name", "listening")
def cause_text(run: Run) -> str:
    """Judge every record whose code is in the table."""

    def judge(call: Call) -> None:
        view, code = _cause(call)
        text = record_of(call)[1].get("hangupCauseText")
        if code not in HANGUP_CAUSES or not isinstance(text, str):
            raise Unclear("the record has no code of the table, or no text")
        if text.casefold() not in {name.casefold() for name in HANGUP_CAUSES[code][:2]}:
            raise Violated(f"the text of cause {code} is {shown(text)}", *shown_by(call, view))

    return each(placed(run), judge)


def _outcome(
    name: str, scene: str, dispositions: tuple[str, ...], causes: tuple[int, ...], ended: Callable[[Call], bool]
) -> tuple[Check, ...]:
    """Make the checks of a call's disposition and cause, where there are such; `ended` tells by its events.

    They judge the scene's call, those of answered calls all of them.
    """

    def judged(run: Run) -> list[Call]:
        return placed(run) if ended is was_answered else run.take(scene).calls

    @check(f"disposition-{name}", _EVENT, f"the disposition is {' or '.join(dispositions)} ({name})", scene)
    def disposition(run: Run) -> str:
        def judge(call: Call) -> None:
            view, record = record_of(call)
            value = record.get("disposition")
            if not ended(call) or not isinstance(value, str):
                raise Unclear("no call ended so, as far as its events and its record tell")
            if value.upper().replace("_", " ") not in dispositions:
                raise Violated(f"disposition is {shown(value)}", *shown_by(call, view))

        return each(judged(run), judge)

    @check(f"cause-{name}", _CAUSES, f"the cause is {' or '.join(map(str, causes))} ({name})", scene)
    def cause(run: Run) -> str:
        def judge(call: Call) -> None:
            view, code = _cause(call)
            if not ended(call):
                raise Unclear("no call ended so, as far as its events tell")
            if code not in causes:
                raise Violated(f"hangupCauseCode is {code}", *shown_by(call, view))

        return each(judged(run), judge)

    return (disposition, cause) if causes else (disposition,)


def _was_busy(call: Call) -> bool:
    return "Busy" in readings(call) and is_unanswered(call)


def _rang_out(call: Call) -> bool:
    return "Busy" not in readings(call) and is_unanswered(call) and call.hung_up_by is None


def _was_cancelled(call: Call) -> bool:
    return "Busy" not in readings(call) and is_unanswered(call) and call.hung_up_by == "rest"


OUTCOMES = (
    *_outcome("answered", "listening", ("ANSWERED",), (16,), was_answered),
    *_outcome("cancelled", "cancelled", ("CANCEL", "NO ANSWER"), (), _was_cancelled),
    *_outcome("busy", "busy", ("BUSY",), (17,), _was_busy),
    *_outcome("no-answer", "no-answer", ("NO ANSWER",), (0, 16, 18, 19, 21), _rang_out),
)

# --- inside -----------------------------------------------------------------------------------------------------------


def _who(call: Call) -> str:
    """Return who ended the call. Raises Unclear where it was over, by its record, before this client hung up."""
    if call.hung_up_by == "callee":
        return "CALLEE"
    asked = call.marks.get("hung_up")
    told = [heard.at for heard in call.heard() if heard.event in ("hangup", "cdr")]
    if call.hung_up_by in ("rest", "socket") and asked is not None and told and min(told) >= asked:
        return "CALLER"
    raise Unclear("it is not known who hung up")


def _cause(call: Call) -> tuple[str, int]:
    """Return where the cause was seen, and its code, though it came as a text. Raises Unclear where there is none."""
    view, record = record_of(call)
    code = record.get("hangupCauseCode")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 10:
        code = int(code)
    if not is_whole(code):
        raise Unclear("the record has no cause that can be read")
    return view, int(code)


ENDS: tuple[Check, ...] = (disposition_spelling, *OUTCOMES, hangup_by, cause_code, cause_text)
