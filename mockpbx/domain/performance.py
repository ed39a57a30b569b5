"""A scenario under way: each step becomes acts, in the order in which they come."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

from mockpbx.contract.vocabulary import NORMAL_CLEARING
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.call import Move, State

# --- acts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing happens for `ms`."""

    ms: int


@dataclass(frozen=True, slots=True)
class Make:
    """The call makes a move."""

    move: Move


@dataclass(frozen=True, slots=True)
class Tell:
    """An event happens."""

    event: e.Event


@dataclass(frozen=True, slots=True)
class AwaitSound:
    """The scenario waits until what the callee says is over."""


@dataclass(frozen=True, slots=True)
class Listen:
    """The scenario waits until an expectation is met or missed; that is the outcome of the act."""

    expectation: s.Expectation


@dataclass(frozen=True, slots=True)
class Finish:
    """The call ends: the other party ends it, or nobody (it failed)."""

    cause: int
    by_remote: bool


Act = Pause | Make | Tell | AwaitSound | Listen | Finish
Acts = Generator[Act, s.Heard | None, s.Heard | None]

#: What a step needs of the call; a step that is not here may come at any time.
NEEDS: dict[type[s.Step], State] = {
    s.Ring: State.DIALING,
    s.Busy: State.DIALING,
    s.Answer: State.RINGING,
    s.Reject: State.RINGING,
    s.NoAnswer: State.RINGING,
    s.HangUp: State.CONNECTED,
    s.Press: State.CONNECTED,
    **dict.fromkeys(s.SOUNDS, State.CONNECTED),
    **dict.fromkeys(s.EXPECTATIONS, State.CONNECTED),
}
_ADVICE = {
    State.DIALING: "nothing but wait may come before it",
    State.RINGING: "put ring before it",
    State.CONNECTED: "put ring and answer before it",
}


#: What a call is after a step; one that is not here leaves it as it was.
LEADS_TO: dict[type[s.Step], State] = {
    s.Ring: State.RINGING,
    s.Answer: State.CONNECTED,
    **dict.fromkeys((s.Busy, s.Reject, s.NoAnswer, s.Fail, s.HangUp), State.ENDED),
}


def impossible_step(steps: Iterable[s.Step]) -> tuple[int, str] | None:
    """Return the number of the first step of a list that no outbound call can take, and why; None for a sound list."""
    state = State.DIALING
    for number, step in enumerate(steps, 1):
        needed = NEEDS.get(type(step), state)
        if state is State.ENDED:
            return number, f"{s.word(step)} comes after the end of the call"
        if state is not needed:
            return number, _impossible(step, needed, state)
        state = LEADS_TO.get(type(step), state)
    return None


def _impossible(step: s.Step, needed: State, state: State) -> str:
    return f"{s.word(step)} needs a call that is {needed.name}, this one is {state.name}: {_ADVICE[needed]}"


class CannotGoOn(Exception):
    """A scenario cannot go on; the sentence says why."""


class Performance:
    """Takes one step of a scenario after the other. `number` counts the steps taken, from 1; `over` ends it.

    Steps that the other end of an inbound call does not take, since its call rings and is answered at the client's,
    are `skipped`.
    """

    def __init__(self, steps: Iterable[s.Step], skipped: tuple[type[s.Step], ...] = ()) -> None:
        self.number = 0
        self.over = False
        self.step: s.Step | None = None
        self._skipped = skipped
        self._steps: Iterator[s.Step] | Generator[s.Step, s.Heard | None, object] = iter(steps)
        self._acts: Acts | None = None

    def next_act(self, state: State, outcome: s.Heard | None) -> Act | None:
        """Return the next act, None after the last; `outcome` is that of the act before.

        Raises CannotGoOn for a step that the call's state does not allow, and for a generator that breaks.
        """
        while True:
            if self._acts is not None:
                try:
                    return self._acts.send(outcome)
                except StopIteration as end:
                    self._acts, outcome = None, end.value
            self.step = self._take(outcome)
            outcome = None
            if self.step is None:
                return None
            self._acts = self._perform(self.step, state)

    def close(self) -> None:
        """End it here, and let a generator run its clean-up. Raises CannotGoOn where that fails."""
        self.over = True
        if isinstance(self._steps, Generator):
            try:
                self._steps.close()
            except Exception as error:
                raise CannotGoOn(f"its clean-up failed: {_told(error)}") from error

    def _take(self, outcome: s.Heard | None) -> s.Step | None:
        self.number += 1
        try:
            return self._steps.send(outcome) if isinstance(self._steps, Generator) else next(self._steps)
        except StopIteration:
            return None
        except Exception as error:
            raise CannotGoOn(f"its generator raised {_told(error)}") from error

    def _perform(self, step: s.Step, state: State) -> Acts | None:
        if isinstance(step, self._skipped):
            return None
        perform = _PERFORM.get(type(step))
        if perform is None:
            raise CannotGoOn(f"{step!r:.80} is no step; the steps are {', '.join(s.STEPS)}")
        try:
            step = self.step = s.checked(step)
        except ValueError as error:
            raise CannotGoOn(str(error)) from None
        needed = NEEDS.get(type(step), state)
        if state is not needed:
            raise CannotGoOn(_impossible(step, needed, state))
        return perform(step)


def ms(seconds: float) -> int:
    """Return seconds as the whole milliseconds that the exchange counts in."""
    return round(seconds * 1_000)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


# --- one function a kind of step -------------------------------------------------------------------------------------


def _wait(step: s.Wait) -> Acts:
    yield Pause(ms(step.seconds))
    return None


def _ring(step: s.Ring) -> Acts:
    yield Pause(ms(step.setup))
    yield Make(Move.RING)
    yield Pause(ms(step.seconds))
    return None


def _busy(step: s.Busy) -> Acts:
    yield Pause(ms(step.setup))
    yield Make(Move.FIND_BUSY)
    yield Pause(ms(step.seconds))
    yield Finish(17, by_remote=False)
    return None


def _answer(step: s.Answer) -> Acts:
    yield Make(Move.ANSWER)
    return None


def _reject(step: s.Reject) -> Acts:
    yield Finish(21, by_remote=True)
    return None


def _no_answer(step: s.NoAnswer) -> Acts:
    yield Finish(19, by_remote=False)
    return None


def _fail(step: s.Fail) -> Acts:
    yield Finish(step.cause, by_remote=False)
    return None


def _hang_up(step: s.HangUp) -> Acts:
    yield Finish(NORMAL_CLEARING, by_remote=True)
    return None


def _clip(step: s.Play | s.Say) -> Acts:
    yield Tell(e.CalleeSpoke(step))
    if step.wait and not (isinstance(step, s.Play) and step.loop):
        yield AwaitSound()
    return None


def _sound(step: s.Tone | s.CallProgress | s.Noise | s.Silence | s.Echo) -> Acts:
    yield Tell(e.CalleeSpoke(step))
    if step.seconds is not None:
        yield Pause(ms(step.seconds))
        if not isinstance(step, s.Silence):
            yield Tell(e.CalleeSpoke(s.Silence()))
    return None


def _press(step: s.Press) -> Acts:
    held = ms(step.seconds)
    for key in step.keys.upper():
        yield Tell(e.CalleePressed(key, held, step.via, step.bounces))
        yield Pause(held + ms(step.gap))
    return None


def _expect(step: s.Expectation) -> Acts:
    return (yield Listen(step))


_PERFORM: dict[type[s.Step], Callable[..., Acts]] = {
    s.Wait: _wait,
    s.Ring: _ring,
    s.Answer: _answer,
    s.Busy: _busy,
    s.Reject: _reject,
    s.NoAnswer: _no_answer,
    s.Fail: _fail,
    s.HangUp: _hang_up,
    s.Play: _clip,
    s.Say: _clip,
    s.Tone: _sound,
    s.CallProgress: _sound,
    s.Noise: _sound,
    s.Silence: _sound,
    s.Echo: _sound,
    s.Press: _press,
    **dict.fromkeys(s.EXPECTATIONS, _expect),
}
assert _PERFORM.keys() == set(s.STEPS.values()), "every step is performed, and nothing else"
