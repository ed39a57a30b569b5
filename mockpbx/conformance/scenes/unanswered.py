"""Calls that nobody answers, and one that the callee ends."""

from __future__ import annotations

from mockpbx.conformance.run import Call
from mockpbx.conformance.scene import scene
from mockpbx.conformance.stage import Stage, Unplayable
from mockpbx.conformance.transcript import Heard, Item

#: Seconds that the record of a call has, before its room is joined all the same.
RECORD_WITHIN = 5.0


@scene(
    "cancelled",
    "beside the listening call, one that is hung up by REST before anybody answers; then its room is joined",
    beside="listening",
)
async def CANCELLED(stage: Stage) -> None:  # noqa: N802
    """Hang up as soon as the first status is told; join the ended session by a socket of its own."""
    call = await stage.place(stage.options.number, patiently=True)
    await stage.until_heard("dialStatus", socket=call.member, session_id=call.session_id)
    await stage.hang_up(call)
    await stage.until_heard("cdr", socket=call.member, session_id=call.session_id, within=RECORD_WITHIN)
    straggler = await stage.socket("straggler")
    stage.take.facts["joined_ended"] = await straggler.say("joinRoom", {"sessionId": call.session_id})
    await stage.until_heard("roomJoined", socket="straggler")


@scene("busy", "a number that is busy", needs=("busy_number",))
async def BUSY(stage: Stage) -> None:  # noqa: N802
    """See it to its end."""
    await _unanswered(stage, stage.options.busy_number or "")


@scene("no-answer", "a number that nobody answers, until the service gives up", needs=("no_answer_number",))
async def NO_ANSWER(stage: Stage) -> None:  # noqa: N802
    """See it to its end."""
    await _unanswered(stage, stage.options.no_answer_number or "")


@scene("callee-hangup", "a callee who answers and hangs up", needs=("callee_hangup_number",))
async def CALLEE_HANGUP(stage: Stage) -> None:  # noqa: N802
    """Wait until the callee has hung up: until that is told, or the record is."""
    call = await stage.place(stage.options.callee_hangup_number or "")
    await stage.answered(call)
    if await stage.until(lambda item: _tells(call, item, "hangup", "cdr"), stage.options.timeout) is None:
        raise Unplayable(f"{call.number} did not hang up within {stage.options.timeout:g} s")
    call.hung_up_by = "callee"
    await stage.until_heard("hangup", socket=call.member, session_id=call.session_id)


async def _unanswered(stage: Stage, number: str) -> None:
    call = await stage.place(number)
    within = stage.options.timeout
    item = await stage.until(lambda item: _tells(call, item, "hangup", "cdr", "Connected"), within)
    if item is None:
        raise Unplayable(f"the call to {number} did not end within {within:g} s")
    if _tells(call, item, "Connected"):
        call.marks["connected"] = item.at
        raise Unplayable(f"somebody answered {number}")


def _tells(call: Call, item: Item, *what: str) -> bool:
    """Return whether the call's member is told one of these: an event, or a dialStatus by its status."""
    if not isinstance(item, Heard) or item.socket != call.member or item.session_id != call.session_id:
        return False
    return (item.payload.get("status") if item.event == "dialStatus" else item.event) in what
