"""A call in which the client says nothing: who hears what, and at which pace."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from mockpbx.conformance.scene import scene
from mockpbx.conformance.stage import Stage

#: Seconds of listening after the answer: 400 frames. The last three begin when the late one is in.
LENGTH = 8.0
#: Seconds after the answer at which a member joins again, at which it leaves, and at which a late one joins.
REJOINS, LEAVES, COMES_LATE = 1.0, 4.0, 5.0


@scene("listening", "sockets join a call, leave it and come late, one stays out; 8 s of silence; hung up by REST")
async def LISTENING(stage: Stage) -> None:  # noqa: N802
    """Join by `member` and `second`; `outsider` has the same token and joins a session that nobody knows."""
    await stage.socket("outsider")
    call = await stage.place(stage.options.number, members=("member", "second"))
    await _join(stage, "outsider", str(uuid4()), "joined_unknown")
    await stage.answered(call)
    begun = stage.now()
    stage.let_in()
    await _until(stage, begun + REJOINS)
    await _join(stage, "second", call.session_id, "joined_again")
    await _until(stage, begun + LEAVES)
    call.marks["second_left"] = stage.now()
    await (await stage.socket("second")).close()
    await _until(stage, begun + COMES_LATE)
    await _join(stage, "late", call.session_id, "joined_late")
    await stage.joined("late", call.session_id)  # what it hears counts from then on
    await asyncio.sleep(LENGTH - COMES_LATE)
    await stage.hang_up(call, by="rest", tune="duration")


async def _join(stage: Stage, socket: str, session_id: str, fact: str) -> None:
    """Ask to join; what was said is the fact. The answer has time: the call goes on."""
    line = await stage.socket(socket)
    stage.take.facts[fact] = await line.say("joinRoom", {"sessionId": session_id})


async def _until(stage: Stage, moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - stage.now()))
