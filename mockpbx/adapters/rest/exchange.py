"""One request and its reply, and how the workspace that they belong to comes to know of them."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from aiohttp import web

from mockpbx.runtime.shortened import shortened_path
from mockpbx.runtime.workspace import Workspace

Params = dict[str, str]
Body = dict[str, object] | list[object]

#: Characters of a session id that is shown beside a request.
LONGEST_ID = 64
#: Characters of a reply that is taken apart to be shortened; of a longer one only the beginning is kept.
LONGEST_REPLY = 200_000
#: Shown by requests that the console makes to read records: they are nobody's messages.
CONSOLE = "X-Mockpbx-Console"

_ORIGIN = re.compile(r"^https?://[^/]*", re.IGNORECASE)  # of a request line in absolute form


class Exchange:
    """A request, what it names, and whose it is, as soon as that is known; it is written once, with its reply."""

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.body: Body = {}
        self.params: Params = {}
        self.owner: Workspace | None = None
        self._began = time.perf_counter()
        self._at = 0
        self._said: Body | None = None
        self._written = False

    @property
    def workspace(self) -> Workspace:
        """The workspace that it belongs to."""
        assert self.owner is not None, "no operation is carried out for nobody"
        return self.owner

    def take(self, body: Body) -> None:
        """Its body has been read; an absent one counts as empty."""
        self.body = body
        self._said = body if self.request.body_exists else None

    def belong_to(self, workspace: Workspace) -> None:
        """Its token is known."""
        self.owner = workspace
        self._at = workspace.traffic.now()

    def write(self, response: web.StreamResponse | None, error: str | None = None) -> None:
        """Keep it with its reply, None where there is none because of an `error`; the console's own is not kept."""
        if self.owner is None or self._written or CONSOLE in self.request.headers:
            return
        self._written = True
        reply = None if response is None else _content(response)
        self.owner.traffic.exchange(
            f"{self.request.method} {shortened_path(_ORIGIN.sub('', self.request.raw_path))}",
            self._at,
            round((time.perf_counter() - self._began) * 1_000, 1),
            call=self._session(reply),
            payload=self._said,
            status=None if response is None else response.status,
            reply=reply,
            error=error or _refusal(reply),
        )

    def _session(self, reply: object) -> str | None:
        """Return the session that it names, or that it began."""
        data = reply.get("data") if isinstance(reply, dict) else None
        for names in (self.params, self.body, data):
            session_id = names.get("sessionId") if isinstance(names, dict) else None
            if isinstance(session_id, str):
                return session_id[:LONGEST_ID]
        return None


def _content(response: web.StreamResponse) -> Any:
    text = response.text if isinstance(response, web.Response) else None
    if not text or len(text) > LONGEST_REPLY:
        return text
    return json.loads(text)


def _refusal(reply: object) -> str | None:
    sentence = reply.get("errors") if isinstance(reply, dict) else None
    return sentence if isinstance(sentence, str) and sentence else None
