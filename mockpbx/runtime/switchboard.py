"""All workspaces of a server, reached by token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from mockpbx.contract.errors import ExpiredToken, InvalidToken, Stopping, Unauthorized
from mockpbx.runtime.workspace import Workspace, wall_ms

SCHEME = "Bearer"


def workspace_key(token: str) -> str:
    """Return the name under which a token's workspace is stored: a hash, since tokens are kept nowhere."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()[:32]


class Switchboard:
    """Finds the workspace of a token, and opens it on first use.

    Without `tokens` any non-empty token names a workspace of its own. Tokens are compared by their hashes, so a
    comparison's duration tells nothing about them.
    """

    def __init__(self, tokens: tuple[str, ...], open_workspace: Callable[[str], Workspace]) -> None:
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
        """Return the workspace of `token`. Raises Unauthorized, InvalidToken, ExpiredToken or Stopping."""
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


def _first_word(text: str) -> str:
    """Return the token in `text`: what follows a space is none of it, in a header as in `auth.token`."""
    return text.split(" ", maxsplit=1)[0]
