"""Findings: of one call, and of what belongs to no call."""

from __future__ import annotations

from collections.abc import Iterable

from mockpbx.domain import events as e
from mockpbx.evidence.conduct import conduct
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.lint import lint
from mockpbx.evidence.problems import problems
from mockpbx.evidence.refused import refusals
from mockpbx.evidence.rules import counted, shown, shown_by
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.journal import Entry

_REFUSED = (AudioRefused, EventRefused, e.JoinRefused)


def findings(dossier: Dossier) -> list[Finding]:
    """Return what the author of a call's client should know, by the moment of the first case; one finding a rule."""
    return _in_order([*problems(dossier), *conduct(dossier), *lint(dossier)])


def stray(entries: Iterable[Entry]) -> list[Finding]:
    """Return what a workspace's journal tells of messages for calls that it never had, or for none at all."""
    kept = list(entries)
    placed = {entry.session_id for entry in kept if entry.session_id and not isinstance(entry.event, _REFUSED)}
    refused = [entry for entry in kept if isinstance(entry.event, _REFUSED) and entry.session_id not in placed]
    unknown = [entry for entry in refused if entry.session_id and not isinstance(entry.event, e.JoinRefused)]
    numbers = {entry.number for entry in unknown}
    found = list(refusals([entry for entry in refused if entry.number not in numbers]))
    if unknown:
        names = list(dict.fromkeys(entry.session_id or "" for entry in unknown))
        what = f"{counted(len(unknown), 'message')} for a session that never was: {', '.join(map(shown, names[:3]))}"
        found.append(shown_by("unknown-session", what, unknown))
    return _in_order(found)


def _in_order(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: (finding.at is None, finding.at or 0, finding.id))
