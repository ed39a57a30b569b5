"""All workspaces of a server, reached by token."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from itertools import islice

from mockpbx.contract.errors import ExpiredToken, InvalidToken, LimitReached, Stopping, Unauthorized
from mockpbx.runtime.entries import OF_THE_SERVER
from mockpbx.runtime.workspace import Workspace, wall_ms

SCHEME = "Bearer"
#: Workspaces that are let go at once where there is no room, and seconds until they are looked for again where there
#: were none: a flood of tokens is to hold up nobody's calls.
ROOM_MADE, SEARCH_EVERY = 20, 1.0


def workspace_key(token: str) -> str:
    """Return the name under which a token's workspace is stored: a hash, since tokens are kept nowhere."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()[:32]


class Switchboard:
    """Finds the workspace of a token, and opens it on first use.

    Without `tokens` any non-empty token names a workspace of its own. Tokens are compared by their hashes, so a
    comparison's duration tells nothing about them. At most so many workspaces are open; where there is no room, those
    in which nothing has happened are let go first.
    """

    def __init__(
        self,
        tokens: tuple[str, ...],
        open_workspace: Callable[[str], Workspace],
        let_go: Callable[[Workspace], None] = lambda workspace: None,
        most: int = 1_000_000,
    ) -> None:
        self._let_go = let_go
        self._most = most
        self._search_from = 0.0
        self._known = {workspace_key(token) for token in tokens}
        self._open = open_workspace
        self._workspaces: dict[str, Workspace] = {}
        self._closed = False

    def __iter__(self) -> Iterator[Workspace]:
        return iter(self._workspaces.values())

    def close(self) -> None:
        """Admit nobody any more: the emulator stops."""
        self._closed = True

    def workspace(self, token: object) -> Workspace:
        """Return the workspace of `token`. Raises Unauthorized and its kin, LimitReached or Stopping."""
        if self._closed:
            raise Stopping
        if not isinstance(token, str) or not token:
            raise Unauthorized
        if token.startswith("expired"):
            raise ExpiredToken
        key = workspace_key(token)
        if token.startswith("invalid") or (self._known and key not in self._known):
            raise InvalidToken
        workspace = self._workspaces.get(key)
        if workspace is None:
            if len(self._workspaces) >= self._most:
                self._make_room()
            workspace = self._workspaces[key] = self._open(key)
        workspace.used_at = wall_ms()
        return workspace

    def forget(self, token: str) -> Workspace | None:
        """Forget the workspace of a token. Returns it, None where there was none."""
        return self._workspaces.pop(workspace_key(token), None)

    def forget_idle(self, seconds: float) -> list[Workspace]:
        """Forget the workspaces that nobody has used for so many seconds of wall time and nobody would miss now.

        Returns them. Their records stay in the store; a token that comes back opens a new one.
        """
        oldest = wall_ms() - seconds * 1_000
        idle = {key: w for key, w in self._workspaces.items() if w.used_at < oldest and w.idle}
        for key in idle:
            del self._workspaces[key]
        return list(idle.values())

    def _make_room(self) -> None:
        """Forget the workspaces that differ in nothing from new ones. Raises LimitReached where there are none."""
        now = time.monotonic()  # the machine's clock may be set back
        if now >= self._search_from:
            like_new = (key for key, workspace in self._workspaces.items() if _is_like_new(workspace))
            found = list(islice(like_new, ROOM_MADE))
            for key in found:
                self._let_go(self._workspaces.pop(key))
            self._search_from = now if found else now + SEARCH_EVERY
        if len(self._workspaces) >= self._most:
            raise LimitReached("Another token would need another workspace", self._most, "most_workspaces")

    def for_header(self, header: str | None) -> Workspace:
        """Return the workspace of an `Authorization` header. Only `Bearer` counts, spelt so."""
        scheme, _, rest = (header or "").partition(" ")
        return self.workspace(_first_word(rest) if scheme == SCHEME else None)

    def for_socket(self, auth: object) -> Workspace:
        """Return the workspace of a CONNECT packet's `auth.token`, with or without a `Bearer ` prefix."""
        token = auth.get("token") if isinstance(auth, dict) else None
        if isinstance(token, str):
            token = _first_word(token.removeprefix(f"{SCHEME} "))
        return self.workspace(token)


def _is_like_new(workspace: Workspace) -> bool:
    """Whether nobody would notice if the workspace began anew."""
    journal = workspace.journal
    nothing_happened = journal.first == 1 and all(type(entry.event) in OF_THE_SERVER for entry in journal)
    return nothing_happened and workspace.idle and workspace.faults.quiet


def _first_word(text: str) -> str:
    """Return the token in `text`: what follows a space is none of it, in a header as in `auth.token`."""
    return text.split(" ", maxsplit=1)[0]
