"""The calls of the media scenes as a server would have made them that is right but for what a test makes wrong.

Nothing runs: a call is computed, frame by frame, from what its client says at which moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mockpbx.conformance.echoes import recognise
from mockpbx.conformance.keypad import presses
from mockpbx.conformance.run import Call, Options, Run, Take
from mockpbx.conformance.runner import judged
from mockpbx.conformance.scenes.interrupting import AGAIN, SHARE, SPEECH
from mockpbx.conformance.scenes.keying import BAD_KEYS, KEYS, LAST_KEY, PROBE
from mockpbx.conformance.scenes.speaking import BAD_AUDIO, Spoken
from mockpbx.conformance.signals import FRAME, RATE, Probe, messages_of, misreadings, samples_of, stream_of
from mockpbx.conformance.transcript import Acked, Closed, Exchange, Heard, Said, Transcript

SESSION = "07475d2c-32c9-4f4b-8103-6db8c0dc741f"
FORMATS = (Probe(1, 0.96), "pcm16"), (Probe(2, 0.64), "ulaw"), (Probe(3, 0.64), "alaw"), (Probe(4, 0.64), "mp3")
THREE = {"first": Probe(5, 0.32), "second": Probe(6, 0.32), "third": Probe(7, 0.32)}
LAST = Probe(8, 4.0)

_TONES = {
    key: (row, column)
    for row, keys in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for key, column in zip(keys, (1209, 1336, 1477, 1633), strict=True)
}


def tone(digit: str, ms: float) -> np.ndarray:
    time = 2 * np.pi / RATE * np.arange(round(ms * RATE / 1000))
    row, column = _TONES[digit]
    return np.rint(6_000 * (np.sin(row * time) + np.sin(column * time))).astype("<i2")


@dataclass(frozen=True)
class Server:
    """What it does. Each field is right as it is; times are seconds."""

    echo: float | None = 0.02  # delay
    frames: Callable[[list[bytes]], list[bytes]] = lambda frames: frames
    line: Callable[[np.ndarray], np.ndarray] = lambda sound: sound
    ack: Callable[[dict[str, Any]], Any] = lambda ack: ack
    play: Callable[[np.ndarray, str, bytes], np.ndarray] = lambda sound, name, data: sound
    checkpoint: Callable[[float, float, dict[str, Any]], list[tuple[float, Any]]] = lambda sent, due, payload: [
        (due + 0.005, payload)
    ]
    event: str = "checkPoint"
    clears_after: float | None = 0.0
    clears_checkpoints: bool = True
    deaf: bool = False
    key: Callable[[str, float], tuple[str, float] | None] = lambda digit, ms: (digit, ms)
    tell: Callable[[str], list[Any]] = lambda digit: [{"digit": digit}]


class Talk:
    """A call under way. `now` is the moment; what is said takes no time."""

    def __init__(self, scene: str, server: Server) -> None:
        self.server = server
        self.take = Take(scene, Transcript())
        placed = Exchange(9.0, 9.1, "POST", "/pbx/call", "t", {"phoneNumber": "0812"}, 200)
        self.call = Call("0812", placed, SESSION, self.take.transcript, "member", {"joined": 9.2, "connected": 10.0})
        self.take.calls.append(self.call)
        self.now = 10.1
        self._free = 0.0
        self._queue: list[list[Any]] = []  # start, sound
        self._waiting: list[tuple[float, float, str]] = []  # sent, due, name
        self._told: list[tuple[float, str, Any]] = []
        self._deaf = False

    def say(self, event: str, **fields: Any) -> Said:
        said = Said(self.now, "member", event, {"sessionId": SESSION} | fields, len(self.take.transcript.items))
        return self.take.transcript.add(said)

    def acked(self, said: Said, error: str | None = None) -> None:
        ack = self.server.ack({"success": error is None, "error": error})
        if ack is not None:
            self.take.transcript.add(Acked(said.at + 0.003, "member", said, (ack,)))

    def speak(self, probe: Probe, name: str = "pcm16") -> Spoken:
        messages = messages_of(probe, name)
        said = [self.say("audio", audioData=data, audioFormat=name) for data in messages]
        for one in said:
            self.acked(one)
        if not self._deaf:
            self._enqueue(self.server.play(samples_of(probe), name, b"".join(messages)))
        self.take.facts.setdefault("spoken", []).append(spoken := Spoken(probe, name, tuple(said)))
        return spoken

    def mark(self, name: str) -> Said:
        said = self.say("checkPoint", name=name)
        self._waiting.append((self.now, max(self._free, self.now), name))
        return said

    def interrupt(self) -> Said:
        said = self.say("interruption")
        if self.server.clears_after is None:
            return said
        moment = self.now + self.server.clears_after
        for piece in self._queue:
            piece[1] = piece[1][: max(0, round((moment - piece[0]) * RATE))]
        cut = [one for one in self._waiting if one[1] > self.now]
        self._waiting = [one for one in self._waiting if one not in cut]
        if not self.server.clears_checkpoints:
            self._waiting += [(sent, self.now, name) for sent, _, name in cut]
        self._free = moment
        self._deaf = self.server.deaf
        return said

    def press(self, digit: str, ms: float) -> Said:
        said = self.say("dtmf", digit=digit, duration=ms)
        keyed = self.server.key(digit, ms)
        if keyed is not None:
            self._enqueue(tone(*keyed))
            for payload in self.server.tell(keyed[0]):
                self._told.append((self.now + 0.06, "dtmf", {"sessionId": SESSION} | payload))
        self.now += ms / 1000 + 0.15
        return said

    def end(self) -> Take:
        """Hang up, and put down all that was heard meanwhile, by time."""
        self.call.marks["hung_up"] = over = self.now
        for sent, due, name in self._waiting:
            payload = {"sessionId": SESSION, "name": name}
            self._told += [(at, self.server.event, load) for at, load in self.server.checkpoint(sent, due, payload)]
        heard = [Heard(at, "member", event, (payload,)) for at, event, payload in self._told if at < over]
        heard.append(Heard(over + 0.01, "member", "hangup", ({"sessionId": SESSION},)))
        transcript = self.take.transcript
        transcript.items[:] = sorted([*transcript.items, *self._frames(over), *heard], key=lambda item: item.at)
        stream = stream_of(self.call.heard("audio"))
        self.take.facts["echoes"] = {
            one.probe.number: recognise(
                samples_of(one.probe),
                stream.between(one.said[0].at),
                one.said[0].at,
                misreadings(one.format, b"".join(messages_of(one.probe, one.format))),
            )
            for one in self.take.facts["spoken"]
            if one.probe not in (LAST, *THREE.values())
        }
        self.take.facts["tones"] = presses(stream)
        return self.take

    def _enqueue(self, sound: np.ndarray) -> None:
        start = max(self._free, self.now)
        self._queue.append([start, sound])
        self._free = start + len(sound) / RATE

    def _frames(self, until: float) -> list[Heard]:
        line = np.zeros(round((until - 10.0) * RATE) // FRAME * FRAME, "<i2")
        for start, sound in self._queue if self.server.echo is not None else ():
            place = round((start - 10.0 + self.server.echo) * RATE)
            part = sound[: max(0, len(line) - place)]
            line[place : place + len(part)] = part
        data = self.server.line(line).astype("<i2").tobytes()
        frames = self.server.frames([data[start : start + 320] for start in range(0, len(data), 320)])
        return [
            Heard(10.02 + 0.02 * number, "member", "audio", ({"sessionId": SESSION, "audioData": frame},))
            for number, frame in enumerate(frames)
        ]


def speaking(server: Server) -> Take:
    talk = Talk("speaking", server)
    facts = talk.take.facts
    facts["empty"] = talk.mark("nothing before it")
    for probe, name in FORMATS:
        talk.now += 0.1
        talk.speak(probe, name)
        talk.mark(name)
        talk.now += probe.seconds + 0.2
    facts["together"] = []
    for name, probe in THREE.items():
        talk.speak(probe)
        facts["together"].append(talk.mark(name))
    facts["together"] += [talk.mark("twice"), talk.mark("twice")]
    talk.now += 3.6
    facts["bad"] = {}
    for kind, change in BAD_AUDIO.items():
        facts["bad"][kind] = said = talk.say("audio", **{"audioData": bytes(320), "audioFormat": "pcm16"} | change)
        talk.acked(said, "this is wrong with it")
    talk.now += 0.2
    facts["alive"] = talk.now
    talk.speak(LAST)
    talk.mark("never heard")
    talk.now += 0.7
    take = talk.end()
    talk.now += 0.05
    facts["ended"] = said = talk.say("audio", audioData=bytes(320), audioFormat="pcm16")
    talk.acked(said, "the call has ended")
    return take


def interrupting(server: Server) -> Take:
    talk = Talk("interrupting", server)
    facts = talk.take.facts
    facts["before"] = talk.mark("before")
    talk.now += 0.05
    for probe in SPEECH:
        talk.speak(probe)
    facts["cut"], facts["length"] = talk.mark("cut off"), sum(probe.seconds for probe in SPEECH)
    talk.now += facts["length"] * SHARE
    facts["interruption"] = talk.interrupt()
    facts["after"] = talk.mark("after")
    talk.now += 0.05 if server.clears_after == 0 else 2.5
    facts["again"], facts["behind"] = talk.speak(AGAIN), talk.mark("again")
    talk.now += AGAIN.seconds + 0.05
    facts["idle"] = talk.interrupt()
    talk.now += 2.5
    return talk.end()


def keying(server: Server) -> Take:
    talk = Talk("keying", server)
    facts = talk.take.facts
    talk.speak(PROBE)
    talk.now += PROBE.seconds + 0.15
    facts["pressed"] = [talk.press(digit, ms) for digit, ms in KEYS]
    facts["bad"] = [talk.say("dtmf", **{"duration": 200} | fields) for fields in BAD_KEYS]
    talk.now += 0.4
    facts["alive"] = talk.now
    facts["pressed"].append(talk.press(*LAST_KEY))
    talk.now += 1.0
    return talk.end()


def run_of(*takes: Take, echo_number: str | None = None) -> Run:
    options = Options("http://127.0.0.1", "t", "0812", "invalid", echo_number=echo_number)
    return Run(options, {take.scene: take for take in takes})


def outcomes(run: Run, *modules: Any) -> dict[str, str]:
    """Return what the checks of these modules come to, by id, but for those that pass."""
    results = [judged(check, run) for module in modules for check in module.CHECKS if _may(check, run)]
    stumbled = [result.got for result in results if "the check itself failed" in result.got]
    assert not stumbled, stumbled
    return {result.check.id: str(result.outcome) for result in results if result.outcome != "passed"}


def failed(run: Run, *modules: Any) -> set[str]:
    return {id for id, outcome in outcomes(run, *modules).items() if outcome == "failed"}


def sentence(run: Run, id: str, *modules: Any) -> str:
    return next(judged(check, run).got for module in modules for check in module.CHECKS if check.id == id)


def closed(run: Run, scene: str, at: float) -> Run:
    run.takes[scene].transcript.add(Closed(at, "member", "server", 1006))
    return run


def _may(check: Any, run: Run) -> bool:
    return all(getattr(run.options, need) is not None for need in check.needs) and all(
        scene in run.takes for scene in check.scenes[:1]
    )
