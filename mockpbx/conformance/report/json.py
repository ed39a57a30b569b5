"""The report as JSON. Its shape is stable: fields may be added, none changes its meaning while `check` is 1."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.report.account import Account, Told
from mockpbx.conformance.run import Options
from mockpbx.conformance.runner import Plan

#: The version of the shape.
SHAPE = 1


def json_of(account: Account) -> str:
    """Return the report as one object.

    `check` (1), `version` (mockpbx's), `begunAt` (ISO 8601, UTC), `seconds`, `options` (without tokens), `plan` (the
    scenes and the calls that they might place), `calls` (that were placed), `complete` (false where it was stopped),
    `counts` by outcome, `exitStatus`, `verdict`, `hints` (sentences), and `results` in the order of the checks.
    """
    report = account.report
    whole = {
        "check": SHAPE,
        "version": account.version,
        "begunAt": account.begun.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "seconds": round(report.seconds, 3),
        "options": _options(report.options, strict=account.strict),
        "plan": _plan(report.plan),
        "calls": report.calls,
        "complete": not account.stopped,
        "counts": {outcome.value: report.count(outcome) for outcome in Outcome},
        "exitStatus": account.exit_status,
        "verdict": account.verdict,
        "hints": account.hints,
        "results": [_result(told) for told in account.results],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _options(options: Options, *, strict: bool) -> dict[str, Any]:
    return {
        "url": options.url,
        "number": options.number,
        "busyNumber": options.busy_number,
        "noAnswerNumber": options.no_answer_number,
        "calleeHangupNumber": options.callee_hangup_number,
        "echoNumber": options.echo_number,
        "timeout": options.timeout,
        "maxCalls": options.max_calls,
        "strict": strict,
    }


def _plan(plan: Plan) -> dict[str, Any]:
    scenes = [{"name": scene.name, "about": scene.about, "calls": scene.calls} for scene in plan.scenes]
    return {"calls": plan.calls, "scenes": scenes}


def _result(told: Told) -> dict[str, Any]:
    return {
        "id": told.check.id,
        "section": told.check.section,
        "level": told.check.level.value,
        "outcome": told.outcome.value,
        "expects": told.check.expects,
        "got": told.got,
        "exchange": list(told.exchange),
    }
