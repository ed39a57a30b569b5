"""When the garbage collector looks through everything: that holds up 200 calls for 0.25 s, and waits for their end."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable

#: Seconds from one look at the calls to the next: what has come meanwhile is looked through in a few ms, if at all.
EVERY = 5.0
#: Seconds from one look through the whole memory to the next: where nobody is in a call, and whoever is.
AT_FIRST, AT_LAST = 30.0, 3_600.0
#: Blocks of memory, some 80 bytes each, that may come on top of twice those that a look through the whole has left.
SPARE = 2_000_000


async def collect_when_quiet(in_call: Callable[[], bool]) -> None:
    """Keep out of the collector's sight what has been there for a while, until nobody is in a call.

    What nobody refers to is freed at once in any case; the collector is for what refers to itself, such as a workspace
    that was forgotten. What is young it goes on to look through as often as ever. Where garbage fills the memory, as in
    a flood of tokens, a pass that holds up calls is the lesser evil.
    """
    gc.freeze()
    collected, passes, blocks = time.monotonic(), _passes(), sys.getallocatedblocks()
    while True:
        await asyncio.sleep(EVERY)
        since = time.monotonic() - collected
        full = since > AT_LAST or sys.getallocatedblocks() > 2 * blocks + SPARE
        if full or (since > AT_FIRST and _passes() != passes and not in_call()):
            gc.unfreeze()
            gc.collect()
            collected, passes, blocks = time.monotonic(), _passes(), sys.getallocatedblocks()
        gc.freeze()


def _passes() -> int:
    """Return how often the youngest were looked through: who does nothing makes no garbage."""
    return int(gc.get_stats()[0]["collections"])
