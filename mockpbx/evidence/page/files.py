"""A call's evidence on disk: the page, its sound, its journal."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.page.render import page_of
from mockpbx.evidence.page.sound import wav_of
from mockpbx.evidence.replay import lines_of

#: Characters of a name: file systems take 255 bytes, and a suffix follows.
LONGEST = 120
#: Names that Windows keeps for devices, whatever follows the first dot.
_DEVICE = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def write_evidence(dossier: Dossier, folder: Path, name: str) -> Path:
    """Write `name.html`, `name.wav` (stereo, client right; only with sound) and `name.jsonl`; return the page's path.

    Each file is there as a whole or not at all, the page last. The folder is made, the name made safe. Raises OSError.
    """
    stem = safe_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    sound = folder / f"{stem}.wav"
    if dossier.sound is not None and len(dossier.sound.times):
        _write(sound, wav_of(dossier.sound))
    else:
        sound.unlink(missing_ok=True)
    _write(folder / f"{stem}.jsonl", "".join(lines_of(dossier)).encode())
    page = folder / f"{stem}.html"
    _write(page, page_of(dossier, stem).encode())
    return page


def safe_name(name: str) -> str:
    """Return a name that every file system takes: letters, digits, `.`, `_`, `-`; cut short, it ends in a digest."""
    safe = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "call"
    if _DEVICE.match(safe):
        safe = f"_{safe}"
    if len(safe) > LONGEST:
        safe = f"{safe[: LONGEST - 9]}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"
    return safe


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
