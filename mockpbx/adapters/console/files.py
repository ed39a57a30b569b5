"""The page's files: each read when it is asked for first, and again where it has changed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mockpbx.runtime.files.stamps import Stamp, stamp

#: What is served, by the end of its name; anything else in the folder is not.
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wav": "audio/wav",
}

_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"  # no hidden file, and no way up
_NAME = re.compile(f"{_PART}(?:/{_PART})*")


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent: plain, or packed by gzip. `tag` changes when its bytes do."""

    media_type: str
    body: bytes
    packed: bytes
    tag: str


class Files:
    """The files of a folder, and of those in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: dict[str, tuple[Stamp, File]] = {}

    async def find(self, name: str) -> File | None:
        """Return the file of a name such as `style/base.css`, None where there is none to serve."""
        media_type = MEDIA_TYPES.get(PurePosixPath(name).suffix)
        if media_type is None or _NAME.fullmatch(name) is None:
            return None
        path = self._root / name
        changed = stamp(path)
        if changed is None:
            return None
        kept = self._kept.get(name)
        if kept is None or kept[0] != changed:
            # Beside the event loop: packing takes milliseconds, and calls go on.
            kept = self._kept[name] = changed, await asyncio.to_thread(_read, path, media_type)
        return kept[1]


def _read(path: Path, media_type: str) -> File:
    body = path.read_bytes()
    return File(media_type, body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:20])
