"""REST: what a request gets that succeeds, and in which envelope."""

from __future__ import annotations

from collections.abc import Iterator

from mockpbx.conformance.check import Check, Level, Unclear, Violated, check
from mockpbx.conformance.checks import refusals
from mockpbx.conformance.checks.replies import OK, asked, require_code, require_entry, status_in, succeeded
from mockpbx.conformance.checks.shapes import LIST, OBJECT, TEXT, is_whole, one_of, require, shown
from mockpbx.conformance.run import Call, Run
from mockpbx.conformance.transcript import Exchange

_CALL = "1. Initiate Outgoing Call, Response Parameters"
_HANGUP = "2. Terminate Call, Response Parameters"
_LIST = "3. Retrieve Call Detail Records, Response Example"
_DETAIL = "4. Get CDR Detail, Example Response"
_SUCCESS = {"status": one_of(OK), "errors": one_of(""), "data": OBJECT}


# --- calls ------------------------------------------------------------------------------------------------------------


@check("call-answered-200", _CALL, "a call that was placed is answered by HTTP 200", "listening")
def call_answered_200(run: Run) -> None:
    """Judge every call of the examination."""
    require_code(_placed(run), OK)


@check(
    "call-reply-envelope",
    _CALL,
    "a call that was placed is answered by an envelope: status 200 as a number, errors empty, data an object",
    "listening",
)
def call_reply_envelope(run: Run) -> None:
    """Judge every call; a status that repeats a wrong HTTP status is that one breach."""
    for exchange in _placed(run):
        _require_success(exchange)


@check("call-reply-number", _CALL, "data.phoneNumber is the number as it was sent", "listening")
def call_reply_number(run: Run) -> None:
    """Judge every call."""
    for exchange in _placed(run):
        require("data", _data(exchange), {"phoneNumber": one_of(exchange.body["phoneNumber"])}, exchange)


@check("call-reply-session", _CALL, "data.sessionId is a string that is not empty", "listening")
def call_reply_session(run: Run) -> None:
    """Judge every call."""
    for exchange in _placed(run):
        require("data", _data(exchange), {"sessionId": TEXT}, exchange)


# --- hang-ups ---------------------------------------------------------------------------------------------------------


@check("hangup-answered-200", _HANGUP, "hanging up a live call is answered by HTTP 200", "listening")
def hangup_answered_200(run: Run) -> None:
    """Judge the hang-ups of answered calls. One that fails may have met the other end's; two do not."""
    tried = list(_hangups(run))
    refused = [exchange for exchange in tried if not succeeded(exchange)]
    if len(refused) == len(tried):
        got = f"every hang-up of a live call failed: {asked(refused[0])}"
        raise Violated(got, *refused) if len(refused) > 1 else Unclear(got, *refused)
    require_code((exchange for exchange in tried if succeeded(exchange)), OK)


@check(
    "hangup-reply-envelope",
    _HANGUP,
    "hanging up a call is answered by an envelope: status 200 as a number, errors empty, data an object",
    "listening",
)
def hangup_reply_envelope(run: Run) -> None:
    """Judge the hang-ups that succeeded."""
    for exchange in _done(run):
        _require_success(exchange)


@check("hangup-reply-session", _HANGUP, "data.sessionId is that of the call which was hung up", "listening")
def hangup_reply_session(run: Run) -> None:
    """Judge the hang-ups that succeeded."""
    for exchange in _done(run):
        require("data", _data(exchange), {"sessionId": one_of(exchange.body["sessionId"])}, exchange)


# --- records ----------------------------------------------------------------------------------------------------------


@check(
    "list-shape",
    _LIST,
    "GET /cdr answers 200 with data, a list, and meta, an object, and not in an envelope",
    "records",
)
def list_shape(run: Run) -> None:
    """Judge the list without parameters."""
    exchange = run.take("records").fact("list")
    require_entry(run)
    require_code((exchange,), OK)
    require("the list", exchange.json, {"data": LIST, "meta": OBJECT}, exchange)
    for row in exchange.data:
        if not isinstance(row, dict):
            raise Violated(f"a row of data is {shown(row)}, not an object", exchange)


@check("detail-found", _DETAIL, "a record that the list shows is found by its sessionId", "records")
def detail_found(run: Run) -> None:
    """Judge the detail of a row that was there before."""
    exchange = run.take("records").fact("detail")
    require_entry(run)
    require_code((exchange,), OK)


@check(
    "detail-envelope",
    _DETAIL,
    "a record's detail comes in an envelope: status 200 as a number, errors empty, data the record",
    "records",
)
def detail_envelope(run: Run) -> None:
    """Judge all details that were found, the calls' own too."""
    found = [call.detail for call in run.calls() if call.detail is not None]
    if "detail" in run.take("records").facts:
        found.append(run.take("records").facts["detail"])
    found = [exchange for exchange in found if succeeded(exchange)]
    if not found:
        raise Unclear("no record's detail was found")
    for exchange in found:
        _require_success(exchange)


@check(
    "replies-say-json",
    "REST API Endpoints",
    "the content type of replies is application/json",
    "doors",
    level=Level.SHOULD,
)
def replies_say_json(run: Run) -> None:
    """Judge the replies that are JSON."""
    for exchange in run.exchanges():
        kind = exchange.content_type
        if isinstance(exchange.json, dict) and kind != "application/json" and not kind.endswith("+json"):
            raise Violated(f"{exchange.method} {exchange.path} was answered with {shown(kind)}", exchange)


CHECKS: tuple[Check, ...] = (
    call_answered_200,
    call_reply_envelope,
    call_reply_number,
    call_reply_session,
    hangup_answered_200,
    hangup_reply_envelope,
    hangup_reply_session,
    detail_found,
    detail_envelope,
    list_shape,
    *refusals.CHECKS,
    replies_say_json,
)


def _placed(run: Run) -> list[Exchange]:
    """Return the requests that placed a call. Raises Unclear where none did."""
    tried = [
        exchange
        for take in run.takes.values()
        for exchange in take.transcript.of(Exchange)
        if take.scene != "doors"
        and (exchange.method, exchange.path) == ("POST", "/pbx/call")
        and isinstance(exchange.body, dict)
        and isinstance(exchange.body.get("phoneNumber"), str)
    ]
    placed = [exchange for exchange in tried if succeeded(exchange)]
    if not placed:
        raise Unclear(f"no call was placed: {asked(tried[0])}" if tried else "no call was tried", *tried[:3])
    return placed


def _hangups(run: Run) -> Iterator[Exchange]:
    """Iterate over the requests that hung up an answered call, not known to be over. Raises Unclear without any."""
    found = False
    for call in run.calls():
        over = call.first("hangup")
        for exchange in _rest_hangups(call):
            if call.answered and (over is None or over.at > exchange.sent_at):
                found = True
                yield exchange
                break
    if not found:
        raise Unclear("no answered call was hung up by REST")


def _done(run: Run) -> list[Exchange]:
    done = [exchange for call in run.calls() for exchange in _rest_hangups(call) if succeeded(exchange)]
    if not done:
        raise Unclear("no call was hung up by REST")
    return done


def _rest_hangups(call: Call) -> Iterator[Exchange]:
    return (
        exchange
        for exchange in call.transcript.of(Exchange)
        if exchange.path == "/pbx/hangup"
        and isinstance(exchange.body, dict)
        and exchange.body.get("sessionId") == call.session_id
    )


def _data(exchange: Exchange) -> object:
    """Return the object within the envelope. Raises Unclear where there is none: that has its own check."""
    if not isinstance(exchange.data, dict):
        raise Unclear(f"the reply to {exchange.method} {exchange.path} has no data object", exchange)
    return exchange.data


def _require_success(exchange: Exchange) -> None:
    status = status_in(exchange)
    shape = _SUCCESS | ({"status": one_of(OK, exchange.status)} if is_whole(status) else {})
    require(f"the reply to {exchange.method} {exchange.path}", exchange.json, shape, exchange)
