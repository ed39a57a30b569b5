"""Call records: fields, arithmetic, and how a call ended."""

from contextlib import suppress
from dataclasses import replace

import pytest
from conformance.builders import a_run, a_take, judge, listening, lost, outcomes, recorded, shown_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockpbx.conformance.check import Outcome, Verdict
from mockpbx.conformance.checks import endings, figures, frames, records, rooms, sessions, statuses
from mockpbx.conformance.checks.record_views import instant
from mockpbx.conformance.transcript import Exchange, Heard
from mockpbx.contract.vocabulary import HANGUP_CAUSES

CHECKS = records.CHECKS
SHAPES = {"cdr-event-shape", "cdr-row-shape", "cdr-detail-shape"}


def _set(name, change):
    return recorded(lambda row: row | {name: change(row[name])})


def _without(name, *views):
    return recorded(lambda row: {key: value for key, value in row.items() if key != name}, *views)


def _figures(billed):
    return recorded(lambda row: row | {"billableSeconds": billed(row["duration"], row["billableSeconds"])})


def _answered_at(name):
    return recorded(lambda row: row | {"answerTime": row["answerTime"] or row[name]})


def test_a_right_server_passes_every_check():
    assert outcomes(CHECKS, a_run(), Outcome.PASSED) == {check.id for check in CHECKS}


@pytest.mark.parametrize(
    ("broken", "fails"),
    [
        (recorded(lambda row: row | {"duration": row["duration"] + 1}, "event"), {"record-views-agree"}),
        (_set("duration", lambda s: s + 1), {"duration"}),
        (_set("duration", lambda s: max(s - 1, 0)), {"duration"}),
        (_set("duration", lambda s: s * 1000), {"duration"}),
        (_set("duration", str), SHAPES),
        (_figures(lambda total, _: total), {"billable-seconds", "unanswered-is-not-billed"}),
        (_set("disposition", str.lower), {"disposition-spelling"}),
        (_set("disposition", lambda name: name.replace(" ", "_")), {"disposition-spelling"}),
        (_set("disposition", lambda name: {"BUSY": "FAILED"}.get(name, name)), {"disposition-busy"}),
        (_set("disposition", lambda name: {"NO ANSWER": "FAILED"}.get(name, name)), {"disposition-no-answer"}),
        (_set("disposition", lambda name: {"CANCEL": "FAILED"}.get(name, name)), {"disposition-cancelled"}),
        (_set("disposition", lambda name: {"ANSWERED": "NO ANSWER"}.get(name, name)), {"disposition-answered"}),
        (_set("hangupBy", {"CALLER": "CALLEE", "CALLEE": "CALLER"}.get), {"hangup-by"}),
        (_set("hangupBy", lambda by: by and by.lower()), SHAPES | {"hangup-by"}),
        (_without("hangupBy"), SHAPES),
        (_set("hangupCauseCode", str), SHAPES),
        (_set("hangupCauseCode", lambda code: 17 if code == 16 else code), {"cause-answered", "cause-text"}),
        (_set("hangupCauseCode", lambda _: 16), {"cause-busy", "cause-text"}),
        (_set("hangupCauseCode", lambda _: 999), {"cause-code", "cause-answered", "cause-busy", "cause-no-answer"}),
        (_set("hangupCauseText", lambda _: "Bye"), {"cause-text"}),
        (_without("hangupCauseText"), SHAPES),
        (_set("answerTime", lambda _: None), {"answered-has-answer-time"}),
        (_answered_at("endTime"), {"unanswered-has-no-answer-time"}),
        (_set("startTime", lambda time: time.removesuffix("Z")), {"record-times-iso"}),
        (_set("endTime", lambda time: "Wed, 23 Jul 2025 03:38:20 GMT"), {"record-times-iso"}),
        (_set("startTime", lambda _: shown_time(60)), {"record-times-in-order", "record-times-add-up"}),
        (_set("startTime", lambda _: shown_time(-3600)), {"record-times-add-up"}),
        (_set("destination", lambda number: number.lstrip("0")), {"record-destination"}),
        (_without("createdAt", "list", "detail"), {"cdr-row-shape", "cdr-detail-shape"}),
    ],
)  # fmt: skip
def test_a_breach_fails_the_check_that_names_it(broken, fails):
    run = a_run()
    broken(run)
    assert outcomes(CHECKS, run) == fails


@pytest.mark.parametrize(
    "legal",
    [
        recorded(lambda row: row | {"hangupCauseText": HANGUP_CAUSES[row["hangupCauseCode"]].asterisk}),
        _set("disposition", lambda name: {"CANCEL": "NO ANSWER"}.get(name, name)),
        _set("hangupBy", lambda _: None),
        _set("startTime", lambda time: time.replace(".000Z", "+00:00")),
        recorded(lambda row: row | {"startTime": row["startTime"].replace(".000Z", ".400Z")}, "event"),
        recorded(lambda row: row | {"recordingUrl": None}),
        lost("cdr"),
    ],
)
def test_what_services_of_this_kind_do_is_right(legal):
    run = a_run()
    legal(run)
    assert outcomes(CHECKS, run) == set()


def test_the_documents_own_sample_is_right():
    """28 to 40 s shown, 11 s told: lengths come of milliseconds."""
    run = a_run(a_take("listening", ends=11.25))
    recorded(
        lambda row: (
            row
            | {
                "startTime": "2025-07-23T05:17:28.000Z",
                "answerTime": "2025-07-23T05:17:31.000Z",
                "endTime": "2025-07-23T05:17:40.000Z",
            }
        )
    )(run)
    assert run.take("listening").call.detail.data["duration"] == 11
    assert outcomes((figures.duration, figures.add_up), run) == set()


def test_a_service_that_subtracts_what_it_shows_is_right():
    run = a_run()
    recorded(
        lambda row: row | {"duration": int((instant(row["endTime"]) - instant(row["startTime"])).total_seconds())}
    )(run)
    assert judge(figures.duration, run).outcome is Outcome.PASSED


def test_whoever_hangs_up_behind_the_record_has_not_ended_the_call():
    run = a_run()
    call = run.take("no-answer").call
    call.hung_up_by, call.marks["hung_up"] = "rest", call.heard("cdr")[0].at + 1
    _set("hangupBy", lambda by: by or "CALLEE")(run)
    assert outcomes(CHECKS, run) == set()


def test_a_record_twice():
    run = a_run()
    call = run.take("listening").call
    call.listed = replace(call.listed, json={"data": call.listed.data * 2, "meta": {"totalItems": 2}})
    assert outcomes(CHECKS, run) == {"one-record-per-call"}


@pytest.mark.parametrize(("total", "outcome"), [(0, Outcome.FAILED), (5, Outcome.INCONCLUSIVE)])
def test_a_record_that_the_list_does_not_show_may_be_on_another_page(total, outcome):
    run = a_run(listening())
    call = run.take("listening").call
    call.listed = replace(call.listed, json={"data": [], "meta": {"totalItems": total}})
    assert judge(records.one_record, run).outcome is outcome


def test_a_record_that_is_not_found_by_its_id():
    run = a_run()
    for call in run.calls():
        call.detail = replace(call.detail, status=404, json={"status": 404, "errors": "Not found", "data": None})
    assert outcomes(CHECKS, run) == {"record-detail-found"}


@pytest.mark.parametrize("text", ["2025-07-23T03:37:56.000Z", "2025-07-23T10:37:56+07:00", "2025-07-23T10:37:56+0700"])
def test_times_with_a_zone_are_moments(text):
    assert instant(text) is not None


@pytest.mark.parametrize("text", ["2025-07-23T03:37:56", "2025-07-23", "1753241876", "2025-13-23T03:37:56Z", "", None])
def test_other_times_are_none(text):
    assert instant(text) is None


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "sessionId",
                    "status",
                    "type",
                    "audioData",
                    "duration",
                    "answerTime",
                    "data",
                    "meta",
                    "hangupCauseCode",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_ALL = [check for area in (sessions, rooms, statuses, frames, endings, records) for check in area.CHECKS]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_a_server_says_the_judge_does_not_stumble(data):
    run = a_run()
    items = [(take, n) for take in run.takes.values() for n, item in enumerate(take.transcript.items)]
    told = [(t, n) for t, n in items if getattr(t.transcript.items[n], "event", "audio") != "audio" or n % 40 == 0]
    for take, n in data.draw(st.lists(st.sampled_from(told), min_size=1, max_size=12)):
        item = take.transcript.items[n]
        garbage = data.draw(_JSON)
        if isinstance(item, Heard):
            whole = data.draw(st.booleans()) or not isinstance(item.payload, dict) or not item.payload
            field = None if whole else data.draw(st.sampled_from(sorted(item.payload)))
            payload = garbage if whole else item.payload | {field: garbage}
            take.transcript.items[n] = replace(item, arguments=() if payload is None else (payload,))
    for call in run.calls():
        call.detail = _garbled(data, call.detail)
        call.listed = _garbled(data, call.listed)
    for check in _ALL:
        with suppress(Verdict):
            check.judge(run)


def _garbled(data, exchange: Exchange) -> Exchange:
    if data.draw(st.booleans()):
        return exchange
    if data.draw(st.booleans()):
        return replace(exchange, json=data.draw(_JSON))
    return replace(exchange, json=exchange.json | {"data": data.draw(_JSON | st.lists(_JSON, max_size=3))})
