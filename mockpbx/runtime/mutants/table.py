"""All mutants by name, and what a server does that has one."""

from __future__ import annotations

import os
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path

from mockpbx.runtime.mutants.acks import ACKS
from mockpbx.runtime.mutants.audio import AUDIO
from mockpbx.runtime.mutants.events import EVENTS
from mockpbx.runtime.mutants.joining import JOINING
from mockpbx.runtime.mutants.mutation import Mutation, watched
from mockpbx.runtime.mutants.records import RECORDS
from mockpbx.runtime.mutants.rest import REST
from mockpbx.runtime.mutants.timing import TIMING

#: All of them by name, area by area.
MUTANTS = {mutant.name: mutant for mutant in (*REST, *JOINING, *EVENTS, *TIMING, *AUDIO, *ACKS, *RECORDS)}

#: The environment variable that names the file which a server with a mutant writes when it first breaks the contract.
#: `mockpbx mutate` sets it: so it knows a mutant that nobody noticed from one that no test came near.
STRUCK_FILE = "MOCKPBX_MUTANT_STRUCK"


def checked(name: str) -> str:
    """Return the name of a mutant. Raises ValueError with the nearest names."""
    if name in MUTANTS:
        return name
    near = get_close_matches(name, MUTANTS, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else "mockpbx mutate --list shows them"
    raise ValueError(f"the name of a mutant ({hint})")


def mutation_of(name: str) -> Mutation:
    """Return what a server with this mutant does, anew for each server."""
    mutation = deepcopy(MUTANTS[name].mutation)
    file = os.environ.get(STRUCK_FILE)
    return mutation if not file else watched(mutation, Path(file).touch)
