"""One request of the control API, read and admitted, and what answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from mockpbx.runtime.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: whose it is (None: a public one), what its path names, its body and its query as models."""

    request: web.Request
    owner: Workspace | None
    names: dict[str, str]
    body: Any
    query: Any

    @property
    def workspace(self) -> Workspace:
        """The workspace that it is about."""
        assert self.owner is not None, "public routes know no workspace"
        return self.owner

    @property
    def session_id(self) -> str:
        """The session that its path names."""
        return self.names["id"]


#: An envelope's `data`, as a model or JSON-able already, or a whole response.
Reply = BaseModel | dict[str, Any] | web.StreamResponse
Handler = Callable[[Ask], Awaitable[Reply]]
