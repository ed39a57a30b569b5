"""Digits, in both directions: what is keyed is heard, and what is heard is told."""

from __future__ import annotations

from collections import Counter

from mockpbx.conformance.check import Check, Level, Unclear, Unobservable, Violated, check
from mockpbx.conformance.checks.acks import judge_alive
from mockpbx.conformance.checks.shapes import Kind, field_problems, shown
from mockpbx.conformance.checks.sound import audible, need_pace, no_echo
from mockpbx.conformance.keypad import Press, presses
from mockpbx.conformance.run import Call, Run, Take
from mockpbx.conformance.scenes.keying import NO_KEY
from mockpbx.conformance.scenes.speaking import ECHO_WITHIN
from mockpbx.conformance.signals import stream_of
from mockpbx.conformance.transcript import Heard, Said
from mockpbx.contract.vocabulary import DTMF_DIGITS

_TOLD = "dtmf"
_KEYED = "dtmf, Behavior"
#: Seconds of a tone that nobody can miss.
_CLEAR = 0.08
#: Seconds between two presses: what is closer may be one that a line has torn, what is further apart surely is two.
_TORN, _APART = 0.1, 0.015
#: Seconds of a press that is long enough for its length to be judged, and by which factors it may be off.
_LONG = 0.2
_SHORTEST, _LONGEST = 1 / 3, 2.0

_DIGIT = Kind(
    "one of 0-9, *, # and A-D",
    lambda value: isinstance(value, str) and len(value) == 1 and value.upper() in DTMF_DIGITS,
)


@check(
    "dtmf-fields",
    "dtmf, Payload Parameters",
    "a dtmf event has sessionId, and digit as a string of one character",
    "keying",
)
def fields(run: Run) -> str:
    """Judge every event of every call."""
    events = list(run.heard(_TOLD))
    if not events:
        run.take("keying").fact("pressed")
        raise Unobservable("no digit was told in any call")
    known = {call.session_id for call in run.calls()}
    session = Kind("the session's id", lambda value: isinstance(value, str) and value in known)
    for heard in events:
        if problems := field_problems(heard.payload, {"sessionId": session, "digit": _DIGIT}):
            raise Violated(f"the dtmf event: {'; '.join(problems)}", heard)
    return f"{len(events)} events"


@check("dtmf-is-told", _TOLD, "a keypad tone that the callee sends is told by a dtmf event", "keying")
def is_told(run: Run) -> str:
    """Judge the tones in the frames of every answered call, those that had a second to be told."""
    heard = 0
    for call in run.answered_calls():
        until = call.marks.get("hung_up", float("inf")) - 1
        tones = Counter(
            press.digit
            for press in presses(stream_of(call.heard("audio")), _TORN)
            if press.seconds >= _CLEAR and press.at <= until
        )
        events = call.heard(_TOLD)
        if tones and any(not _DIGIT.fits(item.payload.get("digit")) for item in events):
            raise Unclear("dtmf events came whose digits cannot be read")
        told = Counter(_digits(events))
        for digit, times in tones.items():
            if told[digit] < times:
                came = f"{told[digit]} dtmf events" if told else "no dtmf event"
                raise Violated(f"{shown(digit)} was heard {times} times in the frames, and {came} told it", *events[:6])
        heard += tones.total()
    if not heard:
        raise Unobservable("the callee sends no keypad tones")
    return f"{heard} tones"


@check("dtmf-is-told-once", _TOLD, "each press is told by one dtmf event", "keying")
def once(run: Run) -> str:
    """Judge each digit against the tones in the frames, or what was keyed where the callee says back digits only."""
    take = run.take("keying")
    pressed = Counter(said.payload["digit"] for said in take.fact("pressed"))
    call = take.call
    told = Counter(_digits(call.heard(_TOLD)))
    tones = Counter(press.digit for press in presses(stream_of(call.heard("audio")), _APART))
    if not tones and not audible(take.fact("echoes")):
        raise Unobservable("nothing tells how often the callee pressed a key")
    for digit in pressed:
        most = max(tones[digit], pressed[digit])
        if told[digit] > most:
            events = [item for item in call.heard(_TOLD) if item.payload.get("digit") == digit]
            raise Violated(f"{shown(digit)} was pressed {most} times and told {told[digit]} times", *events[:6])
    if not told:
        raise Unclear("no digit was told")
    return f"{told.total()} events"


@check(
    "digit-reaches-the-callee",
    _KEYED,
    "the client's digits are injected into the call: a callee that says back what it hears sends them, too",
    "keying",
)
def reaches(run: Run) -> str:
    """Judge by the tones in the frames, else by the dtmf events."""
    _, sent, came = _returned(run)
    if not came:
        raise Violated("what was said came back, and no digit did, neither as a tone nor by an event", *sent)
    if len(came) < len(sent) * 2 / 3:
        raise Violated(f"{len(sent)} digits were keyed, and only {', '.join(came)} came back", *sent)
    return f"{', '.join(came)} came back"


@check(
    "digit-is-right", _KEYED, "the callee hears the digits that were keyed, in the order in which they were", "keying"
)
def is_right(run: Run) -> str:
    """Judge what came back: a digit that is missing where another one stands is mistaken."""
    take, _, came = _returned(run)
    if not came:
        raise Unclear("no digit came back")
    if (mistaken := _mistaken(take, came)) is not None:
        raise Violated(mistaken, *take.fact("pressed"))
    return f"{', '.join(came)} came back"


@check(
    "digit-is-a-tone",
    _KEYED,
    "a keyed digit is a tone in the sound: a callee that says back what it hears sends it in its frames",
    "keying",
    level=Level.SHOULD,
)
def is_a_tone(run: Run) -> str:
    """Judge where sound comes back, and digits do. A line may carry digits beside the sound, as RFC 4733 does."""
    take, sent, came = _returned(run)
    if not came:
        raise Unclear("no digit came back")
    if not audible(take.fact("echoes")):
        raise no_echo(run)
    tones = _tones(take)
    if not tones and all(echo.reading for echo in audible(take.fact("echoes")).values()):
        raise Unclear("what comes back is not read as sound")
    if not tones:
        raise Violated("digits came back by dtmf events alone, and sound did in the frames", *sent)
    return f"{len(tones)} tones"


@check("digit-length", "dtmf, Parameters", "a keyed digit lasts about as long as its duration says", "keying")
def length(run: Run) -> str:
    """Judge the tones of long presses whose digit was keyed once."""
    take, sent, came = _returned(run)
    keyed = Counter(said.payload["digit"] for said in sent)
    need_pace(take)
    if _mistaken(take, came) is not None:
        raise Unclear("other digits came back than were keyed")
    measured = []
    for said in sent:
        digit, wanted = said.payload["digit"], said.payload["duration"] / 1000
        tones = [press for press in _tones(take) if press.digit == digit]
        if wanted < _LONG or keyed[digit] > 1 or len(tones) != 1:
            continue
        measured.append(f"{shown(digit)} {tones[0].seconds * 1000:.0f} of {wanted * 1000:.0f} ms")
        if not _SHORTEST * wanted <= tones[0].seconds <= _LONGEST * wanted:
            raise Violated(f"of {shown(digit)}, keyed for {wanted:.2f} s, {tones[0].seconds:.2f} s came back", said)
    if not measured:
        raise Unobservable("no keyed digit comes back as a tone")
    return ", ".join(measured)


@check("bad-digit-is-harmless", _TOLD, "a digit or a duration that is none does not end the call", "keying")
def harmless(run: Run) -> None:
    """Judge the time from the first of them to the next good one."""
    take = run.take("keying")
    judge_alive(take, take.fact("bad")[0].at, take.fact("alive"), "a bad digit")


def _returned(run: Run) -> tuple[Take, list[Said], list[str]]:
    """Return the digits that were keyed in time to come back, and those that did. Raises where there is no echo."""
    take = run.take("keying")
    call, pressed = take.call, take.fact("pressed")
    echoes = audible(take.fact("echoes"))
    tones = [press.digit for press in _tones(take)]
    came = [digit for digit in tones or _digits(_after(call, pressed[0])) if digit != NO_KEY]
    if not echoes and not (run.options.echo_number is not None and came):
        raise no_echo(run)
    delay = max((echo.delay for echo in echoes.values()), default=ECHO_WITHIN)
    until = call.marks.get("hung_up", 0.0) - delay - 0.1
    sent = [said for said in pressed if said.at + said.payload["duration"] / 1000 <= until]
    if not sent:
        raise Unclear("the call was over before a digit could come back")
    return take, sent, came


def _mistaken(take: Take, came: list[str]) -> str | None:
    """Return how other digits came back, or in another order; None where at most some are missing, or more came."""
    keyed = [said.payload["digit"] for said in take.fact("pressed")]
    missing, more = Counter(keyed) - Counter(came), Counter(came) - Counter(keyed)
    rest = iter(keyed)
    in_order = bool(more) or all(digit in rest for digit in came)
    if (missing and more) or not in_order:
        return f"{', '.join(keyed)} came back as {', '.join(came)}"
    return None


def _tones(take: Take) -> list[Press]:
    found: list[Press] = take.fact("tones")
    since = take.fact("pressed")[0].at
    return [press for press in found if press.at >= since]


def _after(call: Call, said: Said) -> list[Heard]:
    return [heard for heard in call.heard(_TOLD) if heard.at >= said.at]


def _digits(events: list[Heard]) -> list[str]:
    return [str(digit).upper() for item in events if _DIGIT.fits(digit := item.payload.get("digit"))]


CHECKS: tuple[Check, ...] = (fields, is_told, once, reaches, is_right, is_a_tone, length, harmless)
