"""What becomes of the client's sound, as far as a callee that says back what it hears gives it away."""

from __future__ import annotations

from math import log10

from mockpbx.conformance.check import Check, Level, Unclear, Unobservable, Violated, check
from mockpbx.conformance.echoes import SWAPPED, Echo
from mockpbx.conformance.run import Run, Take
from mockpbx.conformance.scenes.speaking import FORMATS, Spoken
from mockpbx.conformance.signals import RATE, Stream, smoothness, stream_of
from mockpbx.conformance.transcript import Item

_FORMAT = "audio, Audio Format"
_PARAMETERS = "audio, Payload Parameters"
_TIMING = "audio, Audio Timing and Chunk Size"

#: Least share of a sound that has to come back. A line may swallow some of it, but not half.
WHOLE = 0.7
#: A misread sound is less like itself than the best of them by this factor.
_ALIKE = 0.75
_LOUD = 9.0  # dB that a line may add or take
_DISORDER = 2  # frames out of order that are no chance
_SMOOTH = 0.3  # by which neighbouring samples are more alike in one byte order than in the other
_PACE = (0.75, 1.35)  # seconds of sound in a second
_ENOUGH = 8_000  # samples that are not silence


def no_echo(run: Run) -> Unclear | Unobservable:
    """Return the verdict on what only an echo could show."""
    if run.options.echo_number is not None:
        return Unclear(f"the callee at {run.options.echo_number} is not heard to say back what it hears")
    return Unobservable(f"the callee at {run.options.number} does not say back what it hears")


def audible(echoes: dict[int, Echo | None]) -> dict[int, Echo]:
    """Return the echoes that are beyond doubt."""
    return {number: echo for number, echo in echoes.items() if echo is not None and echo.audible}


def _spoken(take: Take) -> dict[str, Spoken]:
    """Return the first probe of each format."""
    return {spoken.format: spoken for spoken in reversed(take.fact("spoken"))}


def need_pace(take: Take) -> None:
    """Raise Unclear where the frames are too few or too many for the time: what is missing or too long is theirs."""
    heard = take.call.heard("audio")
    stream = stream_of(heard)
    seconds = heard[-1].at - heard[0].at if heard else 0.0
    pace = len(stream.samples) / RATE / seconds if seconds else 0.0
    if not _PACE[0] <= pace <= _PACE[1]:
        raise Unclear(f"{pace:.2f} s of sound come in a second")


def _heard(run: Run) -> tuple[Take, dict[str, Echo | None]]:
    """Return what came back of each format. Raises where nothing did, or what came cannot be judged."""
    take = run.take("speaking")
    echoes: dict[int, Echo | None] = take.fact("echoes")
    if not audible(echoes):
        raise no_echo(run)
    need_pace(take)
    return take, {name: echoes.get(spoken.probe.number) for name, spoken in _spoken(take).items()}


@check(
    "echo-is-heard",
    "audio",
    "the callee that says back what it hears is heard to do so",
    "speaking",
    needs=("echo_number",),
)
def is_heard(run: Run) -> str:
    """Judge only where such a callee was named."""
    echoes = audible(run.take("speaking").fact("echoes"))
    if not echoes:
        items = [item for spoken in run.take("speaking").fact("spoken")[:4] for item in spoken.said[:1]]
        raise Violated("nothing that was said came back in the frames", *items)
    return "; ".join(sorted({_described(echo) for echo in echoes.values()}))


@check("frames-little-endian", _FORMAT, "samples come in little-endian byte order", "speaking")
def little_endian(run: Run) -> str:
    """Judge by an echo, else by the callee's own sound: voices and tones are smooth in the right order only."""
    take = run.take("speaking")
    echoes = audible(take.facts.get("echoes", {}))
    if any(echo.reading != SWAPPED for echo in echoes.values()):
        return "an echo is read in this order"
    if echoes:
        raise Violated("what was said came back with the two bytes of each sample swapped", *_frames(take)[:3])
    streams = [stream for call in run.answered_calls() if (stream := stream_of(call.heard("audio"))).samples.any()]
    told = [_order(stream) for stream in streams if (abs(stream.samples.astype("i4")) > 32).sum() >= _ENOUGH]
    if told and max(told) < -_SMOOTH:
        raise Violated(
            "the callee's sound is noise in little-endian, and smooth in big-endian order", *_frames(take)[:3]
        )
    if not told or min(told) < _SMOOTH:
        raise Unobservable("the callee says nothing that would show the order")
    return "the callee's own sound is smooth in this order"


@check(
    "sound-in-order",
    _FORMAT,
    "sound passes in the order in which it was sent",
    "speaking",
)
def in_order(run: Run) -> str:
    """Judge by the frames that came back, each for itself."""
    take, heard = _heard(run)
    echoes = {name: echo for name, echo in heard.items() if echo is not None and echo.audible}
    for name, echo in echoes.items():
        if echo.disorder >= _DISORDER:
            raise Violated(
                f"of {name} sound {echo.disorder} frames came behind frames that belong behind them",
                *_sent(take, name),
            )
    return f"{len(echoes)} sounds"


@check("sound-whole", _TIMING, "all of a message's sound is played", "speaking")
def whole(run: Run) -> str:
    """Judge by the share of each sound that came back."""
    take, heard = _heard(run)
    echoes = {name: echo for name, echo in heard.items() if echo is not None and echo.audible}
    for name, echo in echoes.items():
        if echo.coverage < WHOLE:
            raise Violated(f"{echo.coverage:.0%} of {name} sound came back", *_sent(take, name))
    return f"{min(echo.coverage for echo in echoes.values()):.0%} at least"


@check(
    "sound-level",
    "audio",
    f"sound comes back about as loud as it was sent, within {_LOUD:.0f} dB",
    "speaking",
    level=Level.SHOULD,
)
def level(run: Run) -> str:
    """Judge the median of what came back readable."""
    take, heard = _heard(run)
    gains = sorted(echo.gain for echo in heard.values() if echo is not None and echo.audible and not echo.reading)
    if not gains:
        raise Unclear("nothing came back as it was sent")
    decibels = 20 * log10(max(gains[len(gains) // 2], 1e-6))
    if abs(decibels) > _LOUD:
        raise Violated(f"sound came back at {decibels:+.1f} dB", *_sent(take, FORMATS[0]))
    return f"{decibels:+.1f} dB"


def _decoded(audio_format: str) -> Check:
    def judge(run: Run) -> str:
        take, heard = _heard(run)
        echo = heard.get(audio_format)
        others = [one for name, one in heard.items() if name != audio_format and one is not None and one.audible]
        if echo is None or not echo.audible:
            raise Violated("nothing of it came back, and other sound did", *_sent(take, audio_format))
        if echo.reading == SWAPPED and not any(not one.reading for one in others):
            return "as far as its frames can be read"
        if echo.reading:
            how = "big-endian pcm16" if echo.reading == SWAPPED else echo.reading
            raise Violated(f"it was played as if it were {how}", *_sent(take, audio_format))
        if echo.correlation < _ALIKE * max((one.correlation for one in others), default=0.0):
            raise Violated(
                f"what came back is hardly it: correlation {echo.correlation:.2f}", *_sent(take, audio_format)
            )
        return _described(echo)

    return check(
        f"sound-{audio_format}-decoded",
        _PARAMETERS,
        f"{audio_format} audio is heard as the sound that it is",
        "speaking",
    )(judge)


def _described(echo: Echo) -> str:
    exact = ", sample by sample" if echo.exact else ""
    return f"{echo.delay * 1000:.0f} ms later, correlation {echo.correlation:.3f}{exact}"


def _order(stream: Stream) -> float:
    return smoothness(stream.samples) - smoothness(stream.samples.byteswap())


def _sent(take: Take, audio_format: str) -> list[Item]:
    return list(_spoken(take)[audio_format].said[:3])


def _frames(take: Take) -> list[Item]:
    return list(take.call.heard("audio"))


CHECKS: tuple[Check, ...] = (
    is_heard,
    little_endian,
    *(_decoded(audio_format) for audio_format in FORMATS),
    whole,
    in_order,
    level,
)
