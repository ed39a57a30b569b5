"""A call in which the client speaks: every format, checkpoints behind it, and what it ought not to say.

Sounds are sent in packets of 160 ms, all at once: any pace is legal. No more than a second waits in the server's queue
wherever acceptance or time is judged, since how long that queue may be is the server's own business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from mockpbx.conformance.echoes import Echo, recognise
from mockpbx.conformance.run import Call
from mockpbx.conformance.scene import scene
from mockpbx.conformance.signals import Probe, messages_of, misreadings, samples_of, stream_of
from mockpbx.conformance.stage import Stage
from mockpbx.conformance.transcript import Heard, Item, Said
from mockpbx.contract.vocabulary import AudioFormat

FORMATS = tuple(str(name) for name in (AudioFormat.PCM16, AudioFormat.ULAW, AudioFormat.ALAW, AudioFormat.MP3))
#: What has to come at once may take so many seconds, and so many more until nobody waits for it any longer.
AT_ONCE = 1.0
GRACE = 1.5
#: Seconds of delay with which an echo may come.
ECHO_WITHIN = 2.5
#: Seconds within which acknowledgments are waited for that do not come.
_ACKS_WITHIN = 5.0

_FIRST = Probe(1, 0.96)
_OF_FORMAT = {"ulaw": Probe(2, 0.64), "alaw": Probe(3, 0.64), "mp3": Probe(4, 0.64)}
_THREE = {"first": Probe(5, 0.32), "second": Probe(6, 0.32), "third": Probe(7, 0.32)}
_LAST = Probe(8, 5.0)
#: Seconds of it, at least, until the hang-up.
_MID_SPEECH = 1.5
#: What is sent and ought to be refused: how it differs from a good message of 20 ms.
BAD_AUDIO: dict[str, dict[str, Any]] = {
    "unknown-format": {"audioFormat": "opus"},
    "half-a-sample": {"audioData": bytes(319)},
    "text": {"audioData": "AAAAAAAAAAAAAAAA"},
    "unknown-session": {"sessionId": None},
    "no-data": {"audioData": None},
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A probe that was sent, and the messages that it was sent in."""

    probe: Probe
    format: str
    said: tuple[Said, ...]

    def lengths(self) -> dict[int, float]:
        """Return how many seconds each message sounds, by the identity of what was said: its share of the bytes."""
        sizes = {id(said): len(said.payload["audioData"]) for said in self.said}
        return {said: self.probe.seconds * size / sum(sizes.values()) for said, size in sizes.items()}


async def speak(stage: Stage, call: Call, probe: Probe, audio_format: str = AudioFormat.PCM16) -> Spoken:
    """Send a probe, each message with an acknowledgment asked for, and keep it in the fact `spoken`."""
    line = await stage.socket(call.member)
    said = [
        await line.say("audio", _audio(call, audioData=data, audioFormat=str(audio_format)), ack=True)
        for data in messages_of(probe, audio_format)
    ]
    spoken = Spoken(probe, str(audio_format), tuple(said))
    stage.take.facts.setdefault("spoken", []).append(spoken)
    return spoken


async def mark(stage: Stage, call: Call, name: str) -> Said:
    """Send a checkpoint."""
    line = await stage.socket(call.member)
    return await line.say("checkPoint", {"sessionId": call.session_id, "name": name})


async def reached(stage: Stage, call: Call, name: str, seconds: float) -> None:
    """Wait for a checkpoint that is due in so many seconds, and until then if it comes early.

    Where one was lost, the next are given no grace.
    """
    lost = stage.take.facts.setdefault("lost", [])
    due = stage.now() + seconds
    within = seconds + (AT_ONCE + GRACE if not lost else 0.2)
    event = await stage.until_heard("checkPoint", socket=call.member, within=within, name=name)
    if event is None:
        lost.append(name)
    await asyncio.sleep(max(0.0, due - stage.now()))


async def acknowledged(stage: Stage, said: Sequence[Said], within: float = _ACKS_WITHIN) -> None:
    """Wait until all of this is acknowledged, or some seconds."""
    deadline = stage.now() + min(within, stage.options.reply_within)
    for one in said:
        line = await stage.socket(one.socket)
        await line.acked(one, max(0.0, deadline - stage.now()))


async def echoes(call: Call, spoken: Sequence[Spoken]) -> dict[int, Echo | None]:
    """Return what came back of each probe, by its number. It takes a moment of another thread."""
    heard = call.heard("audio")

    def find() -> dict[int, Echo | None]:
        stream = stream_of(heard)
        found: dict[int, Echo | None] = {}
        for one in spoken:
            sent_at = one.said[0].at
            others = misreadings(one.format, b"".join(messages_of(one.probe, one.format)))
            part = stream.between(sent_at, one.said[-1].at + one.probe.seconds + 1 + ECHO_WITHIN)
            found[one.probe.number] = recognise(samples_of(one.probe), part, sent_at, others)
        return found

    return await asyncio.to_thread(find)


def prepare(*probes: tuple[Probe, str]) -> None:
    """Encode probes before the call is placed: nothing has to wait for it then."""
    for probe, audio_format in probes:
        messages_of(probe, audio_format)


@scene(
    "speaking", "every format of sound, checkpoints behind it, what has to be refused; hung up by socket in mid-speech"
)
async def SPEAKING(stage: Stage) -> None:  # noqa: N802
    """Speak to the callee that echoes, where one was named."""
    prepare((_FIRST, "pcm16"), (_LAST, "pcm16"), *((probe, name) for name, probe in _OF_FORMAT.items()))
    facts = stage.take.facts
    call = await stage.place(stage.options.echo_number or stage.options.number)
    line = await stage.socket(call.member)
    facts["early"] = await line.say("audio", _audio(call), ack=True)
    await stage.answered(call)

    facts["empty"] = await mark(stage, call, "nothing before it")
    await reached(stage, call, "nothing before it", 0)
    first = await speak(stage, call, _FIRST)
    await mark(stage, call, "pcm16")
    await reached(stage, call, "pcm16", _FIRST.seconds)
    for audio_format, probe in _OF_FORMAT.items():
        await speak(stage, call, probe, audio_format)
        await mark(stage, call, audio_format)
        await reached(stage, call, audio_format, probe.seconds)
    facts["together"] = await _three(stage, call)

    facts["bad"] = {kind: await _say_bad(stage, call, change) for kind, change in BAD_AUDIO.items()}
    facts["nothing"] = await line.say("audio", _audio(call, audioData=b""), ack=True)
    await acknowledged(stage, [said for one in facts["spoken"] for said in one.said])
    await acknowledged(stage, list(facts["bad"].values()), AT_ONCE)
    echo = (await echoes(call, [first]))[_FIRST.number]
    await asyncio.sleep(min(max(echo.delay, 0.2), ECHO_WITHIN) if echo is not None and echo.audible else 0.2)
    facts["alive"] = stage.now()

    await speak(stage, call, _LAST)
    await mark(stage, call, "never heard")
    await asyncio.sleep(_MID_SPEECH)
    await stage.hang_up(call, by="socket", tune="billableSeconds")
    facts["ended"] = await line.say("audio", _audio(call), ack=True)
    await acknowledged(stage, [facts["ended"]], AT_ONCE)
    facts["echoes"] = await echoes(call, [one for one in facts["spoken"] if one.probe != _LAST])


async def _three(stage: Stage, call: Call) -> list[Said]:
    marks = []
    for name, probe in _THREE.items():
        await speak(stage, call, probe)
        marks.append(await mark(stage, call, name))
    marks += [await mark(stage, call, "twice"), await mark(stage, call, "twice")]
    await reached(stage, call, "twice", sum(probe.seconds for probe in _THREE.values()))

    def fits(item: Item) -> bool:
        return isinstance(item, Heard) and item.event == "checkPoint" and len(call.heard("checkPoint")) >= everything

    everything = len(call.said("checkPoint"))
    await stage.until(fits, AT_ONCE + GRACE if not stage.take.facts["lost"] else 0.2)
    return marks


async def _say_bad(stage: Stage, call: Call, change: dict[str, Any]) -> Said:
    line = await stage.socket(call.member)
    payload = _audio(call, **change)
    if payload["sessionId"] is None:
        payload["sessionId"] = str(uuid4())
    return await line.say("audio", {name: value for name, value in payload.items() if value is not None}, ack=True)


def _audio(call: Call, **fields: Any) -> dict[str, Any]:
    return {"audioData": bytes(320), "sessionId": call.session_id, "audioFormat": "pcm16"} | fields
