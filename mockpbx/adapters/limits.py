"""What one request, or one workspace, may take of what belongs to all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from mockpbx.contract.errors import LimitReached, PBXError
from mockpbx.runtime.workspace import Workspace


class BodyTooSlow(PBXError):
    """A request's body did not come in time."""

    status = 408

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The request body did not come within {seconds:g} s (request_timeout): send it at once")


@web.middleware
async def in_turn(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give everybody else a turn before each request: thousands of them may come on one connection at once."""
    await asyncio.sleep(0)
    return await handler(request)


async def chunks_of(request: web.Request, seconds: float) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes. Raises BodyTooSlow where it is not here within so many seconds."""
    until = asyncio.get_running_loop().time() + seconds
    while not request.content.at_eof():
        try:
            async with asyncio.timeout_at(until):
                chunk = await request.content.readany()
        except TimeoutError:
            raise BodyTooSlow(seconds) from None
        yield chunk


def check_calls(workspace: Workspace, most: int) -> None:
    """Raise LimitReached for a workspace that has as many live calls as it may have."""
    if len(workspace.live_calls()) >= most:
        raise LimitReached("Another call of this workspace", most, "most_calls")
