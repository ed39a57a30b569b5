"""`when(number).then(...)`: what the other end does, said in a test."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Always, Choice, Drawn, InTurn, Named, Plan, Rule
from mockpbx.domain.scenario import Scenario, Step, checked, word
from mockpbx.evidence.patterns import Fact
from mockpbx.runtime.callee import Unplayable
from mockpbx.runtime.files.document import hint
from mockpbx.runtime.sounds import Beside
from mockpbx.testing.errors import Misuse

if TYPE_CHECKING:
    from mockpbx.testing.desk import Desk

#: What a test may give as a scenario: steps, the name of a persona, or a generator of steps.
Given = str | Scenario


class When:
    """The calls to some numbers. What `then` says of them holds from there on, before what was said earlier."""

    def __init__(self, desk: Desk, number: str, where: str) -> None:
        __tracebackhide__ = True
        self._desk = desk
        self.number = number
        self.where = where  # file and line of the test
        self._rule(Always(Named("", ())))  # refuse a pattern that is none where it is written
        desk.open_ends.append(self)

    def then(self, *what: Step | Given) -> None:
        """Let each call do these steps, or what a persona or a generator of steps does.

        `then(Ring(2), Answer(), Play("hello"))`, `then("human")`, `then(menu)`.
        """
        __tracebackhide__ = True
        self._close()
        if not what:
            raise Misuse("then() expects what the other end does, such as then(Ring(2), Answer())")
        self._set(Always(self._named(only_or_all(what))))

    def then_in_turn(self, *scenarios: Given, repeat: bool = False) -> None:
        """Let the first call do the first, the second the second; calls after the last do the last, or begin anew."""
        __tracebackhide__ = True
        self._close()
        if not scenarios:
            raise Misuse('then_in_turn() expects scenarios, such as then_in_turn("busy", "busy", [Ring(2), Answer()])')
        self._set(InTurn(tuple(map(self._named, scenarios)), repeat))

    def then_by_chance(self, weights: Mapping[str, float]) -> None:
        """Let each call do what the seed draws: `then_by_chance({"human": 7, "voicemail": 3})`, personas by name."""
        __tracebackhide__ = True
        self._close()
        try:
            self._set(Drawn(tuple((self._named(name), weight) for name, weight in weights.items())))
        except ValueError as error:
            raise Misuse(f"then_by_chance(): {error}") from None

    def _close(self) -> None:
        if self in self._desk.open_ends:
            self._desk.open_ends.remove(self)

    def _set(self, choice: Choice) -> None:
        __tracebackhide__ = True
        rule = self._rule(choice)
        self._desk.ask(lambda workspace: workspace.put_first(Plan((rule,))))

    def _rule(self, choice: Choice) -> Rule:
        __tracebackhide__ = True
        try:
            if not re.search(r"[\d*?]", self.number):
                raise ValueError("expected digits, with * for any and ? for one, such as 0896*")
            return Rule(self.number, choice)
        except (ValueError, TypeError) as error:
            raise Misuse(f"when({self.number!r}): {error}") from None

    def _named(self, given: object) -> Named:
        __tracebackhide__ = True
        return scenario_of(given, self._desk.folder)


_STEPS = get_args(Step)


def only_or_all(what: tuple[Step | Given, ...]) -> object:
    """Return the one scenario that was given, or the steps one after the other."""
    return what[0] if len(what) == 1 and not isinstance(what[0], _STEPS) else what


def scenario_of(given: object, folder: Path) -> Named:
    """Return what a test gives as a scenario; sound files are named by their path from `folder`. Raises Misuse."""
    __tracebackhide__ = True
    match given:
        case str():
            if given not in PERSONAS:
                raise Misuse(f"There is no persona {given!r}{hint(given, list(PERSONAS))}")
            return Named(given, PERSONAS[given])
        case type():
            raise Misuse(f"{given.__name__} is a class, not a step: write {given.__name__}()")
        case Fact():
            raise Misuse(f"{given!r} is a fact to expect of a call, and no step: call.expect({given!r})")
        case Callable():
            _check_takes_luck(given)
            return Named(getattr(given, "__name__", "generator"), given)
        case Iterable():
            return Named("steps", tuple(step_of(step, folder) for step in given))
        case _:
            raise Misuse(f"Expected steps such as Ring(2), the name of a persona or a generator, got {given!r}")


def _check_takes_luck(given: Callable[..., object]) -> None:
    __tracebackhide__ = True
    try:
        inspect.signature(given).bind(None)
    except TypeError:
        name = getattr(given, "__name__", "menu")
        raise Misuse(f"{name} is to take one argument, the call's luck: def {name}(luck): yield Ring(2) ...") from None


def step_of(given: object, folder: Path) -> Step:
    """Return a step that can be taken: its fields are right, its sound is there. Raises Misuse."""
    __tracebackhide__ = True
    if isinstance(given, type) and issubclass(given, _STEPS):
        raise Misuse(f"{given.__name__} is a class, not a step: write {given.__name__}()")
    if not isinstance(given, _STEPS):
        raise Misuse(f"Expected a step such as Ring(2) or Answer(), got {given!r}")
    try:
        return Beside(folder)(checked(given))
    except (ValueError, Unplayable) as error:
        name = word(given)
        raise Misuse(f"{type(given).__name__}: {str(error).removeprefix(f'{name}: ')}") from None
