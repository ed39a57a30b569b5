"""audio to the client: what a frame is, when frames come, and at which pace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, median

from mockpbx.conformance.check import Check, Level, Unclear, Violated, check
from mockpbx.conformance.checks.shapes import STRING, field_problems, one_of, shown
from mockpbx.conformance.checks.views import (
    after_hangup,
    answered,
    each,
    early_frames,
    is_unanswered,
    join_confirmed,
    lost,
    placed,
    readings,
    stall,
    unknown_names,
)
from mockpbx.conformance.run import Call, Run
from mockpbx.conformance.transcript import Heard

_FORMAT = "audio, Audio Format"
_FIELDS = "audio, Payload Parameters"
_SHAPE = {"sessionId": STRING, "audioFormat": one_of("pcm16")}

BYTES = 320
PACE = 0.02  # s a frame: 320 bytes of 16 bits at 8 kHz
#: Seconds that a stretch of frames must last before its pace is judged.
_LONG = 3.5
#: Seconds before Connected within which frames are those of the answered call; see statuses.
_RUNS_ON = 0.2
#: Seconds by which the checker's own loop may be late (p99) where it judges milliseconds, and tens of them.
_FINE, _COARSE = 0.005, 0.015
#: Slopes are taken over multiples of this: whole bursts, where frames come in pairs, threes or fours.
_BURST = 12
#: Seconds around the worst deviation of a call that do not count.
_HICCUP = 0.25


@dataclass(frozen=True)
class Stretch:
    """The frames of a call from its answer to its end: moments of arrival, and how late the checker itself was."""

    call: Call
    times: tuple[float, ...]
    lag: float

    @property
    def pace(self) -> float:
        """Seconds from frame to frame: the median slope over half the stretch, which single delays do not move."""
        return _slope(self.times)

    def deviations(self) -> list[tuple[float, float]]:
        """Return how far each frame came from the even grid that fits the stretch best, and when; in seconds.

        The worst half second is left out: one hiccup of a busy machine is no habit.
        """
        pace = self.pace
        offsets = [(at - number * pace, at) for number, at in enumerate(self.times)]
        middle = fmean(offset for offset, _ in offsets)
        deviations = [(abs(offset - middle), at) for offset, at in offsets]
        worst = max(deviations)[1]
        return [(by, at) for by, at in deviations if abs(at - worst) > _HICCUP]


# --- what a frame is --------------------------------------------------------------------------------------------------


@check("frames-come", "audio", "an answered call's sound comes as the event audio", "listening")
def come(run: Run) -> str:
    """Judge the calls that were told to be connected, for a second at least."""

    def judge(call: Call) -> None:
        if call.heard("audio"):
            return
        confirmed = join_confirmed(call)
        if confirmed is None or lost(call):
            raise Unclear("the call was not joined to its end")
        end = max((heard.at for heard in call.heard("hangup")), default=call.marks.get("hung_up", 0))
        if end - call.marks.get("connected", end) < 1:
            raise Unclear("the call did not last a second")
        raise Violated(f"a connected call gave no sound{unknown_names(call)}", *call.heard("dialStatus"))

    return each((call for call in placed(run) if "Connected" in readings(call)), judge)


@check("frame-shape", _FIELDS, "audio has sessionId, audioData and audioFormat pcm16", "listening")
def shape(run: Run) -> str:
    """Judge every frame of the run."""
    frames = list(run.heard("audio"))
    for heard in frames:
        problems = field_problems(heard.payload, _SHAPE)
        if isinstance(heard.payload, dict) and "audioData" not in heard.payload:
            problems.append("audioData is missing")
        if problems:
            raise Violated(f"a frame came of which {'; '.join(problems)}", heard)
    return _counted(frames)


@check("frame-is-binary", _FIELDS, "audioData comes as binary", "listening")
def binary(run: Run) -> str:
    """Judge every frame that has audioData."""
    frames = [heard for heard in run.heard("audio") if isinstance(heard.payload, dict)]
    for heard in frames:
        if "audioData" in heard.payload and not isinstance(heard.payload["audioData"], bytes):
            raise Violated(f"audioData came as {shown(heard.payload['audioData'])}", heard)
    return _counted(frames)


@check("frame-is-320-bytes", _FORMAT, "each frame has 320 bytes", "listening")
def size(run: Run) -> str:
    """Judge every binary frame."""
    frames = [heard for heard in run.heard("audio") if _bytes(heard) is not None]
    odd = [heard for heard in frames if _bytes(heard) != BYTES]
    if odd:
        raise Violated(f"{len(odd)} of {len(frames)} frames had other sizes, such as {_bytes(odd[0])} bytes", *odd[:5])
    return _counted(frames)


# --- when frames come -------------------------------------------------------------------------------------------------


@check("audio-only-while-connected", "audio", "no sound comes before the call is connected", "listening")
def while_connected(run: Run) -> str:
    """Judge by sound of a call that still rings; see connected-before-audio for an answer told too late."""

    def judge(call: Call) -> None:
        try:
            frames, connected = early_frames(call)
        except Unclear:
            if not is_unanswered(call):
                raise
            end = min((heard.at for heard in call.heard("hangup")), default=float("inf"))
            frames = [heard for heard in call.heard("audio") if heard.at < end]
            if frames:
                raise Violated(f"{len(frames)} frames came in a call that nobody answered", *frames[:5]) from None
            return
        if frames and connected.at - frames[-1].at > _RUNS_ON:
            raise Violated(f"{len(frames)} frames came before Connected", *frames[:5], connected)

    return each(placed(run), judge)


@check("no-audio-after-hangup", "hangup", "no sound comes behind hangup", "listening")
def after(run: Run) -> str:
    """Judge by the order on the member's socket."""

    def judge(call: Call) -> None:
        frames = after_hangup(call, "audio")
        if frames:
            hangup = call.heard("hangup")[0]
            raise Violated(f"{len(frames)} frames came behind hangup", hangup, *frames[:5])

    return each(placed(run), judge)


# --- the pace ---------------------------------------------------------------------------------------------------------


@check("cadence-mean", _FORMAT, "frames come one every 20 ms, by 1 % at most slower or faster", "listening")
def mean(run: Run) -> str:
    """Judge each answered call that lasted long enough."""
    stretches = _timely(run, _COARSE)
    for stretch in stretches:
        if abs(stretch.pace / PACE - 1) > 0.01:
            raise Violated(f"frames came every {stretch.pace * 1000:.2f} ms", *stretch.call.heard("audio")[:5])
    return f"{median(s.pace for s in stretches) * 1000:.2f} ms over {sum(len(s.times) for s in stretches)} frames"


@check("frames-come-singly", _FORMAT, "frames come one at a time, not in bursts", "listening")
def singly(run: Run) -> str:
    """Judge by the share of frames less than 5 ms behind the one before."""
    worst = 0.0
    for stretch in _timely(run, _COARSE):
        gaps = [b - a for a, b in zip(stretch.times, stretch.times[1:], strict=False)]
        share = sum(gap < 0.005 for gap in gaps) / len(gaps)
        if abs(stretch.pace / PACE - 1) > 0.1:
            raise Unclear("the pace of the frames is another altogether")
        if share > 0.3:
            raise Violated(f"{share:.0%} of the frames came together with another", *stretch.call.heard("audio")[:5])
        worst = max(worst, share)
    return f"{worst:.1%} of the frames at most"


@check(
    "cadence-p99",
    _FORMAT,
    "99 % of the frames come within 60 ms of an even pace",
    "listening",
    level=Level.SHOULD,  # the document names a length of frames and no jitter, and networks add their own
)
def p99(run: Run) -> str:
    """Judge the frames of all answered calls together."""
    return _within(run, 0.06, _COARSE)


@check(
    "cadence-jitter",
    _FORMAT,
    "99 % of the frames come within 20 ms of an even pace",
    "listening",
    level=Level.SHOULD,
)
def jitter(run: Run) -> str:
    """Judge the frames of all answered calls together."""
    return _within(run, 0.02, _FINE)


@check("cadence-no-drift", _FORMAT, "the pace stays the same from the beginning to the end of a call", "listening")
def drift(run: Run) -> str:
    """Judge each call by its two halves, if the sound fell behind: a stall that was made up for is none."""
    worst = 0.0
    for stretch in _timely(run, _COARSE):
        half = len(stretch.times) // 2
        first, second = _slope(stretch.times[:half]), _slope(stretch.times[half:])
        apart = abs(second / first - 1)
        whole = (stretch.times[-1] - stretch.times[0]) / (len(stretch.times) - 1)
        if apart > 0.02 and abs(whole / PACE - 1) > 0.01:
            got = f"frames came every {first * 1000:.2f} ms at first and every {second * 1000:.2f} ms later"
            raise Violated(got, *stretch.call.heard("audio")[:3])
        worst = max(worst, apart)
    return f"{worst:.2%} at most"


# --- inside -----------------------------------------------------------------------------------------------------------


def _timely(run: Run, tolerance: float) -> list[Stretch]:
    """Return the stretches in which the checker was hardly late. Raises Unclear where there is none."""
    found = list(_stretches(run))
    if not found:
        raise Unclear(f"no call gave {_LONG:g} s of frames of {BYTES} bytes")
    timely = [stretch for stretch in found if stretch.lag <= tolerance]
    if not timely:
        least = min(stretch.lag for stretch in found) * 1000
        raise Unclear(f"the checker itself was {least:.0f} ms late (p99), {tolerance * 1000:.0f} ms are tolerable")
    return timely


def _stretches(run: Run) -> Iterator[Stretch]:
    for call in answered(run):
        since, until = call.marks.get("connected", 0), call.marks.get("hung_up", float("inf"))
        hangup = call.first("hangup")
        until = min(until, hangup.at if hangup is not None else until)
        frames = [heard for heard in call.heard("audio") if since <= heard.at < until]
        if any(_bytes(heard) != BYTES for heard in frames):
            continue
        times = tuple(heard.at for heard in frames)
        if len(times) > _LONG / PACE / 4 and times[-1] - times[0] >= _LONG:
            yield Stretch(call, times, run.lag.p99(times[0], times[-1]))


def _slope(times: tuple[float, ...]) -> float:
    half = len(times) // 2 // _BURST * _BURST
    return median((b - a) / half for a, b in zip(times, times[half:], strict=False))


def _within(run: Run, most: float, tolerance: float) -> str:
    stretches = _timely(run, tolerance)
    deviations = [deviation for stretch in stretches for deviation in stretch.deviations()]
    late = sorted(by for by, at in deviations if by <= most or stall(run, at - _HICCUP, at) <= tolerance)
    worst = late[len(late) * 99 // 100] if late else 0.0
    if worst > most:
        raise Violated(f"1 % of {len(late)} frames came more than {worst * 1000:.0f} ms too early or too late")
    return f"{worst * 1000:.1f} ms over {len(late)} frames"


def _bytes(heard: Heard) -> int | None:
    data = heard.payload.get("audioData") if isinstance(heard.payload, dict) else None
    return len(data) if isinstance(data, bytes) else None


def _counted(frames: list[Heard]) -> str:
    if not frames:
        raise Unclear("no audio came")
    return f"{len(frames)} frames"


CHECKS: tuple[Check, ...] = (
    come,
    shape,
    binary,
    size,
    while_connected,
    after,
    mean,
    singly,
    p99,
    jitter,
    drift,
)
