"""The parts of the page that can be read without its script: header, findings, record, journal."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mockpbx.contract.vocabulary import Direction
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.ending import how_it_stands
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.pacing import doubt_of
from mockpbx.evidence.page.markup import Markup, joined, moment, prose, tag
from mockpbx.evidence.page.outcome import record_of
from mockpbx.evidence.page.words import short, words_of
from mockpbx.evidence.untried import untried
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.journal_lines import iso, line_of

#: Journal entries that a page shows; the file beside it has all of them.
MOST_ROWS = 5_000
LEVELS = ("error", "warning", "note")


def facts_of(dossier: Dossier) -> Markup:
    """Return what the call was made with: scenario, clock, seed, ordinal, ids."""
    call, settings = dossier.call, dossier.settings
    rows = [
        ("Scenario", short(call.scenario)),
        ("Seed", dossier.replay.seed),
        ("Call", f"number {dossier.replay.ordinal}"),
        ("Clock", settings.clock),
        ("Placed", iso(call.placed_at)),
        ("Session", call.session_id),
    ]
    if call.direction is Direction.INBOUND:
        rows.insert(0, ("Caller", short(call.caller or "unknown")))
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in rows), class_="facts")


def notices_of(dossier: Dossier) -> Markup:
    """Return what the page lacks."""
    notices = []
    if dossier.truncated:
        notices.append("Journal entries of this call are gone: what follows is not all that happened.")
    if dossier.sound is None and dossier.connected_at is not None:
        notices.append("No sound was kept: recording is off, or its memory was needed (recording_limit).")
    if dossier.sound is not None and dossier.sound.truncated:
        notices.append("The recording was cut short: its memory was full (recording_limit).")
    if doubt := doubt_of(dossier):
        notices.append(f"{doubt[0].upper()}{doubt[1:]}.")
    if dossier.record is None:
        notices.append(f"There is no record yet, the call goes on: {how_it_stands(dossier)}.")
    return joined(tag("p", each, class_="notice") for each in notices)


def summary_of(found: Sequence[Finding]) -> Markup:
    """Return how many findings there are of each level, as links to them."""
    counts = [(level, sum(1 for each in found if each.level == level)) for level in LEVELS]
    shown = [
        tag("a", f"{count} {level}{'' if count == 1 else 's'}", href="#findings", class_=f"badge {level}")
        for level, count in counts
        if count
    ]
    return joined(shown) if shown else tag("span", "no findings", class_="badge fine")


def findings_of(found: Sequence[Finding], placed: int) -> Markup:
    """Return the findings, the worst first, then in the order of their moments; anchors tell the places in `found`."""
    if not found:
        return tag("p", "Nothing was found that this client’s author should know.", class_="nothing")
    ranked = sorted(enumerate(found), key=lambda pair: (LEVELS.index(pair[1].level), pair[1].at or 0, pair[0]))
    return tag("ol", *(_finding(index, each, placed) for index, each in ranked), class_="findings")


def untried_of(dossier: Dossier) -> Markup:
    """Return which rules the call was not held against, and why; nothing where there are none."""
    told = [f"Not tried, since {each.why}: {', '.join(each.rules)}." for each in untried(dossier)]
    return joined(tag("p", each, class_="untried") for each in told)


def _finding(index: int, found: Finding, placed: int) -> Markup:
    times = f"{found.count} times" if found.count > 1 else ""
    head = [
        tag("span", found.level, class_=f"level {found.level}"),
        tag("code", found.id),
        *([moment(found.at - placed)] if found.at is not None else []),
        *([tag("span", times, class_="times")] if times else []),
        tag("span", f"contract: {found.rule.section}", class_="section") if found.rule.section else "",
    ]
    return tag(
        "li",
        tag("p", *head, class_="head"),
        tag("p", short(found.what[:1].upper() + found.what[1:], 1_000)),
        tag("p", prose(found.rule.remedy), class_="remedy"),
        id=f"finding-{index}",
    )


def record_section(dossier: Dossier) -> Markup:
    """Return the record as the contract shows it, each member with its reason."""
    members = record_of(dossier)
    if not members:
        return tag("p", "The call has no record yet: it goes on.", class_="nothing")
    rows = (
        tag(
            "div",
            tag("dt", each.name),
            tag("dd", tag("code", json.dumps(each.value))),
            *([tag("dd", f"because {each.because}", class_="because")] if each.because else []),
        )
        for each in members
    )
    return tag("dl", *rows, class_="record")


def rows_of(dossier: Dossier) -> Markup:
    """Return the journal's rows, at most `MOST_ROWS`: the first and the last ones of a longer journal."""
    entries = dossier.entries
    if len(entries) > MOST_ROWS:
        entries = entries[: MOST_ROWS // 2] + entries[-MOST_ROWS // 2 :]
    return joined(_row(entry, dossier.call.placed_at) for entry in entries)


def count_of(dossier: Dossier) -> str:
    """Return how many entries there are, and how many of them the page shows."""
    there = len(dossier.entries)
    if there <= MOST_ROWS:
        return f"{there:,} entries"
    return f"the first and last {MOST_ROWS // 2:,} of {there:,} entries; the JSON lines beside this page hold all"


def _row(entry: Entry, placed: int) -> Markup:
    raw = tag("details", tag("summary", "JSON"), tag("pre", json.dumps(line_of(entry))))
    cells = (
        tag("td", moment(entry.at - placed)),
        tag("td", entry.kind),
        tag("td", words_of(entry.event)),
        tag("td", raw),
    )
    return tag("tr", *cells, id=f"entry-{entry.number}", data_t=entry.at - placed)
