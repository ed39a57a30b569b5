"""A call in which the client presses keys."""

from __future__ import annotations

import asyncio
from typing import Any

from mockpbx.conformance.keypad import presses
from mockpbx.conformance.run import Call
from mockpbx.conformance.scene import scene
from mockpbx.conformance.scenes.speaking import ECHO_WITHIN, echoes, prepare, speak
from mockpbx.conformance.signals import Probe, stream_of
from mockpbx.conformance.stage import Stage
from mockpbx.conformance.transcript import Said

PROBE = Probe(40, 0.64)
#: Digits and their ms. `#` comes last: there are echo services that take it for goodbye.
KEYS = (("1", 200), ("5", 300), ("5", 150), ("9", 100), ("0", 500), ("*", 200))
LAST_KEY = ("#", 250)
#: Keys that are none, and durations that are none. A server may press 8 for the latter.
NO_KEY = "8"
BAD_KEYS: tuple[dict[str, Any], ...] = (
    {"digit": "x"},
    {"digit": "E"},
    {"digit": ""},
    {"digit": NO_KEY, "duration": "long"},
    {"digit": NO_KEY, "duration": -1},
    {"digit": NO_KEY, "duration": 0},
)
#: Seconds from the end of a key to the next; the contract asks for about 0.05.
_PAUSE = 0.15


@scene("keying", "keys are pressed, good ones and bad ones; hung up by REST")
async def KEYING(stage: Stage) -> None:  # noqa: N802
    """Find out first whether this callee says back what it hears."""
    prepare((PROBE, "pcm16"))
    facts = stage.take.facts
    call = await stage.place(stage.options.echo_number or stage.options.number)
    await stage.answered(call)
    await asyncio.sleep(0.1)
    probe = await speak(stage, call, PROBE)
    await asyncio.sleep(PROBE.seconds + _PAUSE)
    pressed = [await _press(stage, call, digit, ms) for digit, ms in KEYS]
    line = await stage.socket(call.member)
    facts["bad"] = [
        await line.say("dtmf", {"sessionId": call.session_id, "duration": 200} | fields) for fields in BAD_KEYS
    ]
    await asyncio.sleep(0.4)
    facts["alive"] = stage.now()
    pressed.append(await _press(stage, call, *LAST_KEY))
    echo = (await echoes(call, [probe]))[PROBE.number]
    await asyncio.sleep(min(max(echo.delay, 0.0) + 0.3, ECHO_WITHIN) if echo is not None else 0.3)
    facts["pressed"] = pressed
    await stage.hang_up(call, by="rest")
    facts["echoes"] = await echoes(call, [probe])
    facts["tones"] = await asyncio.to_thread(presses, stream_of(call.heard("audio")))


async def _press(stage: Stage, call: Call, digit: str, ms: int) -> Said:
    line = await stage.socket(call.member)
    said = await line.say("dtmf", {"sessionId": call.session_id, "digit": digit, "duration": ms})
    await asyncio.sleep(ms / 1000 + _PAUSE)
    return said
