"""What calls tell: awaited facts, measures, findings, and the evidence as a file. Made beside the event loop.

What works them out is loaded when it is first asked for: an idle server does without it, and without numpy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeVar, get_args

from aiohttp import web

from mockpbx.adapters.control import evidence_messages as em
from mockpbx.adapters.control import messages as m
from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.calls import NoSuchCall, known, summary
from mockpbx.adapters.control.news import News
from mockpbx.adapters.tickets import Tickets
from mockpbx.contract.errors import InvalidRequest, PBXError
from mockpbx.domain.plan import number_fits
from mockpbx.evidence.dossier import Dossier, dossier_of
from mockpbx.evidence.finding import Finding, Level
from mockpbx.runtime.callbook import CallView
from mockpbx.runtime.files.document import shown
from mockpbx.runtime.journal_lines import line_of
from mockpbx.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mockpbx.evidence.patterns import Fact

T = TypeVar("T")

#: Numbers that a sentence about other calls names.
SOME = 5
#: Beside the page's own policy, which needs nothing but the page itself: nobody is to frame it.
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "media-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LEVELS: tuple[Level, ...] = get_args(Level)


class NoCallCame(PBXError):
    """Nobody placed the call that was waited for."""

    status = HTTPStatus.REQUEST_TIMEOUT


class EvidenceHandlers:
    """What there is to say of calls beside how they stand."""

    def __init__(self, news: News, tickets: Tickets) -> None:
        self._news = news
        self._tickets = tickets

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by their routes' ids."""
        return {
            "await_call": self._await_call,
            "expect": self._expect,
            "call_metrics": self._metrics,
            "call_findings": self._call_findings,
            "findings": self._findings,
            "evidence_page": self._page,
            "evidence_ticket": self._ticket,
            "evidence_lines": self._lines,
        }

    # --- to wait for --------------------------------------------------------------------------------------------------

    async def _await_call(self, ask: Ask) -> Reply:
        from mockpbx.evidence.waiting import until

        workspace, wanted = ask.workspace, ask.body
        view = await self._news.within(
            wanted.within, lambda seconds: until(workspace, lambda: _next_call(workspace, wanted), seconds)
        )
        if view is None:
            raise NoCallCame(_why_none_came(workspace, wanted))
        return m.CallSummary.model_validate(summary(workspace, view))

    async def _expect(self, ask: Ask) -> Reply:
        from mockpbx.evidence.diagnosis import explain
        from mockpbx.evidence.waiting import expected

        workspace, session_id, body = ask.workspace, ask.session_id, ask.body
        known(workspace, session_id)
        wanted = [_fact(asked) for asked in body.facts]
        judgement = await self._news.within(
            body.within, lambda seconds: expected(workspace, session_id, wanted, body.after, seconds)
        )
        why = None if judgement.met else await _made(lambda dossier: explain(dossier, wanted, judgement), ask)
        entries = [m.JournalEntry.model_validate(line_of(entry)) for entry in judgement.matched]
        return em.Expected(met=judgement.met, entries=entries, next=judgement.since, explanation=why)

    # --- measured and found -------------------------------------------------------------------------------------------

    async def _metrics(self, ask: Ask) -> Reply:
        from mockpbx.evidence.metrics import measure

        return em.CallMetrics(await _made(measure, ask))

    async def _call_findings(self, ask: Ask) -> Reply:
        return _listing(await _made(_judged, ask), ask.query.level)

    async def _findings(self, ask: Ask) -> Reply:
        from mockpbx.evidence.findings import stray

        workspace = ask.workspace
        workspace.wake()
        judged = Judged([], [], [])
        # One call after the other: the sound of all of them together may be much.
        for view in workspace.calls.calls():
            dossier = dossier_of(workspace, view.session_id)
            if dossier is not None:
                told, missing, late = await asyncio.to_thread(_judged, dossier)
                judged.told.extend(told)
                judged.missing.extend(missing)
                judged.late.extend(late)
        strays = await asyncio.to_thread(stray, tuple(workspace.journal))
        judged.told.extend(_about(finding, None) for finding in strays)
        return _listing(judged, ask.query.level)

    # --- to keep ------------------------------------------------------------------------------------------------------

    async def _page(self, ask: Ask) -> Reply:
        return await _page(ask.workspace, ask.session_id)

    async def _ticket(self, ask: Ask) -> Reply:
        known(ask.workspace, ask.session_id)
        return em.EvidenceTicket(path=self._tickets.issue(partial(_page, ask.workspace, ask.session_id)))

    async def _lines(self, ask: Ask) -> Reply:
        from mockpbx.evidence.replay import lines_of

        lines = await _made(lambda dossier: "".join(lines_of(dossier)), ask)
        headers = {"Content-Disposition": f'attachment; filename="{ask.session_id}.jsonl"'}
        return web.Response(text=lines, content_type="application/jsonl", headers=headers)


async def _page(workspace: Workspace, session_id: str) -> web.Response:
    """Return the page of a call as it stands now. Raises NoSuchCall."""
    from mockpbx.evidence.page import page_of

    page = await asyncio.to_thread(page_of, _dossier(workspace, session_id), session_id)
    headers = {"Content-Security-Policy": PAGE_POLICY, "X-Content-Type-Options": "nosniff"}
    return web.Response(text=page, content_type="text/html", headers=headers)


async def _made(make: Callable[[Dossier], T], ask: Ask) -> T:
    """Return what is made of a call as it stands now, beside the event loop. Raises NoSuchCall."""
    return await asyncio.to_thread(make, _dossier(ask.workspace, ask.session_id))


def _dossier(workspace: Workspace, session_id: str) -> Dossier:
    dossier = dossier_of(workspace, session_id)
    if dossier is None:
        raise NoSuchCall
    return dossier


# --- calls to come ----------------------------------------------------------------------------------------------------


def _next_call(workspace: Workspace, wanted: em.AwaitCall) -> CallView | None:
    """Return the first call that fits, of those placed after what `after` names."""
    calls, passed = workspace.calls.calls()[::-1], wanted.after
    if isinstance(passed, str):
        places = [place for place, view in enumerate(calls) if view.session_id == passed]
        if not places:
            raise InvalidRequest(f"after is not valid: no call here has the sessionId {shown(passed)}")
        calls, passed = calls[places[0] + 1 :], 0
    fitting = [view for view in calls if number_fits(view.number, wanted.number)]
    return fitting[passed] if passed < len(fitting) else None


def _why_none_came(workspace: Workspace, wanted: em.AwaitCall) -> str:
    to = "" if wanted.number == "*" else f" to {shown(wanted.number)}"
    others = [view.number for view in workspace.calls.calls()[::-1]]
    if not others:
        return (
            f"No call{to} was placed within {wanted.within:g} s, nor any other with this token: "
            "does the client use this URL and this token, and was its POST /pbx/call refused?"
        )
    some = [shown(number) for number in others[-SOME:]]
    more = f" and {len(others) - SOME} before" if len(others) > SOME else ""
    return f"No call{to} was placed within {wanted.within:g} s; calls so far: to {', '.join(some)}{more}"


# --- facts and findings -----------------------------------------------------------------------------------------------


def _fact(asked: em.FactWanted) -> Fact:
    from mockpbx.evidence.patterns import fact_named

    try:
        return fact_named(asked.fact, asked.model_extra or {})
    except ValueError as error:
        raise InvalidRequest(str(error)) from None


def _about(finding: Finding, session_id: str | None) -> em.FindingAbout:
    return em.FindingAbout(
        id=finding.id,
        level=finding.level,
        call=session_id,
        what=finding.what,
        section=finding.rule.section,
        remedy=finding.rule.remedy,
        at=finding.at,
        count=finding.count,
        entries=list(finding.entries),
    )


class Judged(NamedTuple):
    """What was found of calls, what could not be tried, and where the emulator itself was late."""

    told: list[em.FindingAbout]
    missing: list[em.UntriedAbout]
    late: list[em.LateAbout]


def _judged(dossier: Dossier) -> Judged:
    from mockpbx.evidence.findings import findings
    from mockpbx.evidence.pacing import doubt_of
    from mockpbx.evidence.untried import untried

    name = dossier.session_id
    told = [_about(finding, name) for finding in findings(dossier)]
    missing = [em.UntriedAbout(call=name, rules=list(rules), why=why) for rules, why in untried(dossier)]
    doubt = doubt_of(dossier)
    return Judged(told, missing, [em.LateAbout(call=name, why=doubt)] if doubt else [])


def _listing(judged: Judged, level: Level | None) -> em.Findings:
    wanted = LEVELS if level is None else LEVELS[: LEVELS.index(level) + 1]
    found = [finding for finding in judged.told if finding.level in wanted]
    return em.Findings(findings=found, untried=judged.missing, late=judged.late)
