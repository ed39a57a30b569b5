"""A call in which the client changes its mind: what it said is cut off, and something else is said."""

from __future__ import annotations

import asyncio

from mockpbx.conformance.run import Call
from mockpbx.conformance.scene import scene
from mockpbx.conformance.scenes.speaking import Spoken, acknowledged, echoes, mark, prepare, reached, speak
from mockpbx.conformance.signals import Probe
from mockpbx.conformance.stage import Stage
from mockpbx.conformance.transcript import Acked, Said

#: The speech that is cut off, in parts, so that it shows how much of it was heard; and what share of it is let pass.
SPEECH = tuple(Probe(20 + part, 0.64) for part in range(4))
SHARE = 3 / 8
#: Longer than what was cut off: a checkpoint that only waits for more sound comes then.
AGAIN = Probe(30, 1.92)
#: Seconds that may still be heard of what was cut off, beside the echo's own delay.
STOPS_WITHIN = 0.5


@scene("interrupting", "speech is interrupted, and something else is said; hung up by REST")
async def INTERRUPTING(stage: Stage) -> None:  # noqa: N802
    """Interrupt a speech that the server has taken, more than a second before its end; then an empty queue."""
    prepare(*((probe, "pcm16") for probe in (*SPEECH, AGAIN)))
    facts = stage.take.facts
    call = await stage.place(stage.options.echo_number or stage.options.number)
    await stage.answered(call)
    facts["before"] = await mark(stage, call, "before")
    await reached(stage, call, "before", 0)

    begun = stage.now()
    speech = [await speak(stage, call, probe) for probe in SPEECH]
    facts["cut"] = await mark(stage, call, "cut off")
    await acknowledged(stage, [said for one in speech for said in one.said], 0.2)
    facts["length"] = length = _taken(stage, speech)
    await asyncio.sleep(max(0.0, begun + length * SHARE - stage.now()))
    facts["interruption"] = await _interrupt(stage, call)
    facts["after"] = await mark(stage, call, "after")
    await reached(stage, call, "after", 0)
    await asyncio.sleep(0.3)

    facts["again"] = await speak(stage, call, AGAIN)
    facts["behind"] = await mark(stage, call, "again")
    await reached(stage, call, "again", AGAIN.seconds)
    facts["idle"] = await _interrupt(stage, call)
    # What was cut off had been due by then: a checkpoint that nobody cleared would have come.
    await asyncio.sleep(max(0.5, begun + length + 0.4 - stage.now()))
    await stage.hang_up(call, by="rest")
    facts["echoes"] = await echoes(call, [*speech, facts["again"]])


async def _interrupt(stage: Stage, call: Call) -> Said:
    line = await stage.socket(call.member)
    return await line.say("interruption", {"sessionId": call.session_id})


def _taken(stage: Stage, speech: list[Spoken]) -> float:
    """Return how many seconds of a speech were not refused: a full queue is no fault. All of it where all was."""
    refused = {
        id(item.said)
        for item in stage.transcript.of(Acked)
        if isinstance(item.payload, dict) and item.payload.get("success") is False
    }
    lengths = {said: seconds for one in speech for said, seconds in one.lengths().items()}
    taken = sum(seconds for said, seconds in lengths.items() if said not in refused)
    return taken or sum(lengths.values())
