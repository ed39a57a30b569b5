"""Tasks that nobody awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_running: set[asyncio.Task[Any]] = set()  # an event loop keeps only weak references


def spawn(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` by itself."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
