"""A scene: a short visit to the server, most of them one call. It acts and judges nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mockpbx.conformance.stage import Stage

Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is played under a name, and what it takes: `calls` at most, options that it `needs`, scenes before it.

    It begins `beside` another as soon as that lets it in; where that never does, in its own turn.
    `about` says in a few words what happens, for the list that is shown before the first call.
    """

    name: str
    about: str
    calls: int
    needs: tuple[str, ...]
    after: tuple[str, ...]
    beside: str | None
    play: Play


def scene(
    name: str,
    about: str,
    *,
    calls: int = 1,
    needs: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    beside: str | None = None,
) -> Callable[[Play], Scene]:
    """Make a scene of the play below."""

    def made(play: Play) -> Scene:
        return Scene(name, about, calls, needs, after, beside, play)

    return made
