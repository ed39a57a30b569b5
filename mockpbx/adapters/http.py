"""What both HTTP APIs of the emulator have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from aiohttp import web

from mockpbx.contract.errors import InvalidRequest, PBXError

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ORIGIN = re.compile(r"^https?://[^/]*", re.IGNORECASE)  # of a request line in absolute form


class WrongMethod(PBXError):
    """The path is there, but not for this method."""

    status = 405

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"Cannot {method} {path[:200]}: it takes {self.allowed}")


def envelope(status: int, errors: str, data: object) -> web.Response:
    """Return a reply in the contract's envelope; the HTTP status is `status`, `errors` is empty where all went well."""
    return web.json_response({"status": status, "errors": errors, "data": data}, status=status)


def path_of(request: web.Request) -> str:
    """Return a request's path as it was sent, escapes and all. Raises InvalidRequest for a broken escape."""
    path = _ORIGIN.sub("", request.raw_path.partition("?")[0])
    if _BAD_ESCAPE.search(path):
        raise InvalidRequest("The path has a % that is not followed by two hexadecimal digits")
    return path


def pattern_of(path: str, *, any_case: bool = False) -> re.Pattern[str]:
    """Return what matches a path with `{names}` for single segments, with or without a slash at its end."""
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return re.compile(f"{pattern}/?", re.IGNORECASE if any_case else 0)


def segments_of(match: re.Match[str]) -> dict[str, str]:
    """Return the segments that a path's pattern has matched, unescaped. Raises InvalidRequest."""
    try:
        return {name: unquote(value, errors="strict") for name, value in match.groupdict().items()}
    except UnicodeDecodeError:
        raise InvalidRequest("The path has an escape that is not UTF-8") from None
