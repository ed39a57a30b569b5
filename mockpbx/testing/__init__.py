"""The test double: `from mockpbx.testing import MockPBX, Ring, Answer, Play, Connected, Digit, Ended`.

Names are imported when they are asked for: pytest imports this package in every run, also where nothing uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockpbx.domain.scenario import *  # noqa: F403
    from mockpbx.evidence.patterns import *  # noqa: F403
    from mockpbx.testing.call import AsyncCall as AsyncCall
    from mockpbx.testing.call import Call as Call
    from mockpbx.testing.double import AsyncMockPBX as AsyncMockPBX
    from mockpbx.testing.double import MockPBX as MockPBX
    from mockpbx.testing.errors import ExpectationFailed as ExpectationFailed
    from mockpbx.testing.errors import Misuse as Misuse
    from mockpbx.testing.errors import ProblemsFound as ProblemsFound

#: What is neither a step (`domain.scenario`) nor a fact (`evidence.patterns`), and where it is.
_HOMES = {
    "MockPBX": "double",
    "AsyncMockPBX": "double",
    "Call": "call",
    "AsyncCall": "call",
    "ExpectationFailed": "errors",
    "Misuse": "errors",
    "ProblemsFound": "errors",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f"mockpbx.testing.{_HOMES[name]}"), name)
    if not name[:1].isupper():  # what tools ask modules for
        raise AttributeError(name)
    from mockpbx.domain import scenario
    from mockpbx.evidence.patterns import FACTS, unknown

    steps = {step.__name__: step for step in scenario.STEPS.values()}
    found = steps.get(name) or FACTS.get(name)
    if found is None:
        # Of an AttributeError, `from mockpbx.testing import Conected` would show nothing.
        raise ImportError(f"mockpbx.testing has no {name}: {unknown(name)}; steps: {', '.join(steps)}")
    return found


def __dir__() -> list[str]:
    from mockpbx.domain import scenario
    from mockpbx.evidence.patterns import FACTS

    return sorted([*_HOMES, *FACTS, *(step.__name__ for step in scenario.STEPS.values())])
