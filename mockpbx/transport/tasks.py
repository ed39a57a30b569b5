"""Tasks that nobody awaits, and callbacks that may fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

_log = logging.getLogger(__name__)

_running: set[asyncio.Task[Any]] = set()  # an event loop keeps only weak references


def spawn(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` by itself."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)


def tell(callback: Callable[..., None], *arguments: object) -> None:
    """Call what a user of this library has given; where it fails, the log says so and everything else goes on."""
    try:
        callback(*arguments)
    except Exception:
        _log.exception("a callback failed: %r", callback)
