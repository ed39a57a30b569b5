"""The report of an examination as files: JUnit XML for a CI, JSON for programs, one HTML page for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mockpbx.conformance.report.account import Account
from mockpbx.conformance.report.html import html_of
from mockpbx.conformance.report.json import json_of
from mockpbx.conformance.report.junit import junit_of

#: What writes each kind of file.
WRITERS: dict[str, Callable[[Account], str]] = {"junit": junit_of, "json": json_of, "html": html_of}


def write(account: Account, kind: str, file: Path) -> None:
    """Write a file of one of the kinds of WRITERS. Raises OSError."""
    file.write_text(WRITERS[kind](account), encoding="utf-8")
