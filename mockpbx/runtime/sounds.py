"""The sounds that a scenario's steps name: found, tried, and refused with a sentence where they cannot be had."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from mockpbx.domain.plan import Plan
from mockpbx.domain.scenario import CallProgress, ExpectClip, Play, Say, Step
from mockpbx.runtime.callee import Unplayable
from mockpbx.runtime.clips import packaged
from mockpbx.runtime.files.document import hint, shown


@dataclass(frozen=True, slots=True)
class Beside:
    """What a file of the user's may name: packaged clips, and sound files by their path from its `folder`."""

    folder: Path

    def __call__(self, step: Step) -> Step:
        """Return a step with its clip's path, if it has one. Raises Unplayable for a sound that cannot be had."""
        match step:
            case Play(clip) | ExpectClip(clip) if clip not in packaged() and os.path.isfile(self.folder / clip):
                step = replace(step, clip=str(self.folder / clip))
        return tried(step)


@dataclass(frozen=True, slots=True)
class Within:
    """What a request may name: packaged clips, files in the server's `folder` of clips, and what is `known` already.

    Anything else would let whoever has a token read the server's disk.
    """

    folder: Path | None
    known: frozenset[str] = frozenset()

    def __call__(self, step: Step) -> Step:
        """Return a step with its clip's path, if it has one. Raises Unplayable for a sound that cannot be had."""
        match step:
            case Play(clip) | ExpectClip(clip) if clip not in packaged() and clip not in self.known:
                step = replace(step, clip=self._file(clip))
        return tried(step)

    def _file(self, name: str) -> str:
        files = [] if self.folder is None else [path for path in self.folder.iterdir() if path.is_file()]
        found = next((path for path in files if path.name == name), None)
        if found is None:
            known = {*packaged(), *(path.name for path in files)}
            raise Unplayable(
                f"there is no clip {shown(name)} for requests{hint(name, sorted(known))} "
                "(a server's --clips names the folder of more)"
            )
        return str(found)


def tried(step: Step) -> Step:
    """Return a step whose sound can be had. Raises Unplayable."""
    # The other sounds can always be had, and an idle server needs no numpy for them.
    if isinstance(step, Play | Say | CallProgress):
        from mockpbx.runtime.voices import source_of

        source_of(step, seed=0)
    elif isinstance(step, ExpectClip):
        from mockpbx.runtime.voices import ear_for

        ear_for(step)
    return step


def clips_of(plan: Plan) -> frozenset[str]:
    """Return the clips that a dial plan's lists of steps name."""
    lists = [*plan.scenarios.values(), *(named.scenario for named in plan.named() if isinstance(named.scenario, tuple))]
    return frozenset(step.clip for steps in lists for step in steps if isinstance(step, Play | ExpectClip))
