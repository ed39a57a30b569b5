"""The report as one HTML page: it asks for nothing, runs no script, and reads by day and by night, wide and narrow."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC
from functools import cache
from html import escape
from importlib.resources import files

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.report.account import Account, Told
from mockpbx.conformance.ticket import Redaction

#: In the order of the filters: what wants to be looked at comes first.
_ORDER = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.PASSED)
_OPEN = (Outcome.FAILED, Outcome.INCONCLUSIVE)
_TONES = {0: "passed", 1: "failed"}


def html_of(account: Account) -> str:
    """Return the page. Every string in it is escaped."""
    return "".join(_page(account))


def _page(account: Account) -> Iterator[str]:
    policy = f"default-src 'none'; style-src '{_digest(_style())}'; base-uri 'none'; form-action 'none'"
    tone = _TONES.get(account.exit_status, "inconclusive")
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_title(account)}</title>'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
    yield f'content="light dark"><style>{_style()}</style></head><body><header class="{tone}">'
    yield f"<p>mockpbx check</p><h1>{escape(account.verdict)}</h1>"
    yield f"<p>Exit status {account.exit_status}: {escape(account.meaning)}.</p>"
    yield from (f'<p class="hint">{escape(hint)}</p>' for hint in account.hints)
    yield from _facts(account)
    yield "</header>"
    yield from _violations(account)
    yield from _filters(account)
    yield "<main>"
    for section, results in account.sections():
        yield from _section(section, results)
    yield "</main></body></html>\n"


def _facts(account: Account) -> Iterator[str]:
    report, options = account.report, account.report.options
    facts = {
        "server": Redaction.of(options).text(options.url),
        "number": options.number,
        "begun": f"{account.begun.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "took": f"{report.seconds:.0f} s",
        "calls placed": f"{report.calls} of {report.plan.calls} planned",
        "checks": str(len(account.results)),
        "mockpbx": account.version,
    }
    yield "<dl>"
    for name, value in facts.items():
        yield f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>"
    yield "</dl>"


def _violations(account: Account) -> Iterator[str]:
    broken = account.of(Outcome.FAILED)
    if broken:
        yield '<nav><h2>Violated</h2><ul class="plain">'
        for told in broken:
            yield f'<li><a href="#{escape(told.check.id)}">{escape(told.check.id)}</a> {escape(told.got)}</li>'
        yield "</ul></nav>"


def _filters(account: Account) -> Iterator[str]:
    yield '<form class="filters" aria-label="which checks are shown">'
    yield _filter("all", "all", len(account.results), chosen=True)
    for outcome in _ORDER:
        yield _filter(outcome, outcome, len(account.of(outcome)))
    yield "</form>"


def _filter(name: str, label: str, count: int, *, chosen: bool = False) -> str:
    checked, disabled = " checked" if chosen else "", "" if count else " disabled"
    radio = f'<input type="radio" name="shown" id="only-{name}"{checked}{disabled}>'
    return f'<label class="{name}">{radio}{label} <b>{count}</b></label>'


def _section(section: str, results: list[Told]) -> Iterator[str]:
    kinds = " ".join(f"has-{outcome}" for outcome in dict.fromkeys(told.outcome for told in results))
    yield f'<section class="{kinds}"><h2>{escape(section)}</h2>'
    for told in results:
        yield from _check(told)
    yield "</section>"


def _check(told: Told) -> Iterator[str]:
    opened = " open" if told.outcome in _OPEN else ""
    yield f'<details class="{told.outcome}" id="{escape(told.check.id)}"{opened}><summary>'
    yield f'<span class="outcome">{told.outcome}</span> <code>{escape(told.check.id)}</code> '
    yield f'<span class="level">{told.check.level}</span> '
    yield f'<span class="remark">{escape(told.check.expects)}</span></summary>'
    yield f"<dl><div><dt>expected</dt><dd>{escape(told.check.expects)}</dd></div>"
    if told.got:
        yield f"<div><dt>{'came' if told.outcome is Outcome.FAILED else 'told'}</dt><dd>{escape(told.got)}</dd></div>"
    yield f"<div><dt>contract</dt><dd>{escape(told.check.section)}</dd></div></dl>"
    if told.exchange:
        lines = escape("\n".join(told.exchange))
        yield f'<pre tabindex="0" aria-label="the exchange that shows it">{lines}</pre>'
    yield "</details>"


def _title(account: Account) -> str:
    return escape(f"{account.report.count(Outcome.FAILED)} failed: {account.verdict}")


@cache
def _style() -> str:
    return files(__package__).joinpath("page.css").read_text(encoding="utf-8")


def _digest(part: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
