"""One self-contained HTML document of a call: it asks for nothing, and can be read without its script."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from mockpbx.contract.vocabulary import Direction
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.findings import findings
from mockpbx.evidence.metrics import measure
from mockpbx.evidence.page.figures import figures_of, tables_of
from mockpbx.evidence.page.markup import Markup, joined, json_text, tag, text
from mockpbx.evidence.page.model import picture_of
from mockpbx.evidence.page.outcome import outcome_of
from mockpbx.evidence.page.overview import overview_of
from mockpbx.evidence.page.sections import (
    count_of,
    facts_of,
    findings_of,
    notices_of,
    record_section,
    rows_of,
    summary_of,
    untried_of,
)
from mockpbx.evidence.page.sound import data_uri
from mockpbx.evidence.page.words import short
from mockpbx.evidence.replay import command_of


def page_of(dossier: Dossier, name: str = "call") -> str:
    """Return a call's page as one HTML document. `name` is that of the files beside it, for the replay command."""
    metrics, found = measure(dossier), findings(dossier)
    placed = dossier.call.placed_at
    picture = picture_of(dossier, metrics, found)
    has_sound = dossier.sound is not None and len(dossier.sound.times) > 0
    return _filled(
        _part("page.html"),
        {
            "policy": _policy(),
            "title": text(f"{short(dossier.call.number)}: {outcome_of(dossier)}"),
            "style": Markup(_part("page.css")),
            "script": Markup(_part("page.js")),
            "test": tag("p", short(dossier.title, 400), class_="test") if dossier.title else Markup(""),
            "kind": text("Outbound call to" if dossier.call.direction is Direction.OUTBOUND else "Inbound call to"),
            "number": text(short(dossier.call.number)),
            "outcome": text(outcome_of(dossier)),
            "badges": summary_of(found),
            "facts": facts_of(dossier),
            "replay": _replay(dossier, name),
            "notices": notices_of(dossier),
            "other": text(picture["other"]),
            "audio": _audio(dossier) if has_sound else Markup(""),
            "overview": overview_of(picture, dossier.sound if has_sound else None),
            "figures": figures_of(metrics, dossier.settings.clock),
            "tables": tables_of(metrics, placed),
            "findings": joined([findings_of(found, placed), untried_of(dossier)]),
            "record": record_section(dossier),
            "count": text(count_of(dossier)),
            "rows": rows_of(dossier),
            "data": Markup(json_text(picture)),
        },
    )


def _replay(dossier: Dossier, name: str) -> Markup:
    if not dossier.command and dossier.replay.plan is None:
        return tag("p", "Its scenario is Python that only its own program knows: to replay it, run its test again.")
    command = command_of(dossier, f"{name}.jsonl")
    return tag(
        "div",
        tag("code", command, id="command", tabindex=0),
        tag("button", "Copy", type="button", id="copy", aria_label="copy the replay command"),
        class_="replay",
    )


def _audio(dossier: Dossier) -> Markup:
    assert dossier.sound is not None
    label = "the call’s sound, the other end left and the client right"
    return tag("audio", id="sound", controls="", preload="auto", src=data_uri(dossier.sound), aria_label=label)


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _policy() -> Markup:
    """Nothing may be fetched; only this very style and script may take effect."""
    style, script = (_digest(_part(name)) for name in ("page.css", "page.js"))
    return Markup(
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; media-src data: blob:; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(part: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()


def _filled(template: str, parts: dict[str, Markup]) -> str:
    """Return a template with its `{{names}}` replaced, in one pass: what is put in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda name: parts[name[1]], template)
