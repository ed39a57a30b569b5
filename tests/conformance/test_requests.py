"""What requests get: envelopes, codes."""

import json

import pytest
from conformance.talk import outcomes
from conformance.visitors import NUMBER, REFUSED, at_the_doors, called, exchange, success
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.conformance.checks import access, requests
from mockpbx.conformance.run import Run

CALLS = {check.id for check in requests.CHECKS if check.id.startswith("call-")}
HANGUPS = {check.id for check in requests.CHECKS if check.id.startswith("hangup-") and "is-400" not in check.id}


def failing(run: Run) -> set[str]:
    return {id for id, outcome in outcomes(run, requests).items() if outcome == "failed"}


def of(kind, change):
    """Change the replies of one kind."""
    return lambda name, status, body: change(status, body) if name == kind else (status, body)


def data(**fields):
    return lambda status, body: (status, body | {"data": body["data"] | fields})


def without(name):
    return lambda status, body: (
        status,
        body | {"data": {field: value for field, value in body["data"].items() if field != name}},
    )


# --- calls and hang-ups -----------------------------------------------------------------------------------------------


def test_a_right_server_passes():
    found = outcomes(called(), requests)
    assert CALLS | HANGUPS | {"detail-envelope"} <= {check.id for check in requests.CHECKS} - set(found)
    assert "failed" not in found.values()


def test_a_reply_may_tell_more():
    more = data(type="outbound", createdAt="2025-07-23T03:37:56.000Z")
    assert failing(called(of("call", lambda status, body: more(status, body | {"took": 3})))) == set()


REPLIES = {
    "201": (lambda status, body: (201, body), "answered-200"),
    "201 in both places": (lambda status, body: (201, body | {"status": 201}), "answered-200"),
    "202": (lambda status, body: (202, body), "answered-200"),
    "status as text": (lambda status, body: (status, body | {"status": "200"}), "reply-envelope"),
    "status true": (lambda status, body: (status, body | {"status": True}), "reply-envelope"),
    "another status": (lambda status, body: (status, body | {"status": 201}), "reply-envelope"),
    "errors null": (lambda status, body: (status, body | {"errors": None}), "reply-envelope"),
    "errors a list": (lambda status, body: (status, body | {"errors": []}), "reply-envelope"),
    "errors a word": (lambda status, body: (status, body | {"errors": "none"}), "reply-envelope"),
    "no envelope": (lambda status, body: (status, body["data"]), "reply-envelope"),
    "data in a list": (lambda status, body: (status, body | {"data": [body["data"]]}), "reply-envelope"),
    "a page": (lambda status, body: (status, "<h1>It works!</h1>"), "reply-envelope"),
    "no session": (without("sessionId"), "reply-session"),
    "session null": (data(sessionId=None), "reply-session"),
    "session a number": (data(sessionId=27395984), "reply-session"),
    "session empty": (data(sessionId=""), "reply-session"),
}


@pytest.mark.parametrize("kind", ["call", "hangup"])
@pytest.mark.parametrize("breach", REPLIES)
def test_a_breach_of_a_reply_fails_the_check_that_names_it(kind, breach):
    change, caught = REPLIES[breach]
    assert failing(called(of(kind, change))) == {f"{kind}-{caught}"}


@pytest.mark.parametrize("number", ["+6289608675796", "89608675796", 89608675796, None])
def test_the_number_comes_back_as_it_was_sent(number):
    assert failing(called(of("call", data(phoneNumber=number)))) == {"call-reply-number"}


def test_a_hang_up_names_the_call_that_it_ended():
    assert failing(called(of("hangup", data(sessionId="another")))) == {"hangup-reply-session"}


def test_a_call_that_could_not_be_placed_is_no_breach_of_its_reply():
    failed = {"status": 500, "errors": "Failed to initiate call", "data": None}
    found = outcomes(called(of("call", lambda status, body: (500, failed))), requests)
    assert {found[id] for id in CALLS} == {"inconclusive"}


@pytest.mark.parametrize("code", [404, 500])
def test_hang_ups_of_live_calls_that_all_fail_are_caught(code):
    error = {"status": code, "errors": "no", "data": None}
    assert failing(called(of("hangup", lambda status, body: (code, error)))) == {"hangup-answered-200"}


def test_one_hang_up_that_fails_may_have_met_the_other_end_s():
    refused = iter([(404, {"status": 404, "errors": "no", "data": None})])
    once = of("hangup", lambda status, body: next(refused, (status, body)))
    assert failing(called(once)) == set()

    alone = of("hangup", lambda status, body: (404, {"status": 404, "errors": "no", "data": None}))
    assert outcomes(called(alone, calls=1), requests)["hangup-answered-200"] == "inconclusive"


def test_a_call_that_was_known_to_be_over_tells_nothing_of_hang_ups():
    refused = of("hangup", lambda status, body: (404, {"status": 404, "errors": "no", "data": None}))
    assert outcomes(called(refused, over_before=True), requests)["hangup-answered-200"] == "inconclusive"


# --- details ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("breach", ["no envelope", "errors null", "status as text", "data in a list", "a page"])
def test_a_detail_comes_in_its_envelope(breach):
    assert failing(called(of("detail", REPLIES[breach][0]))) == {"detail-envelope"}


def test_a_record_that_is_listed_is_found():
    run = called()
    asked = ("GET", "/cdr/1", None)
    run.takes["records"].facts["detail"] = exchange(asked, (404, success(sessionId="1") | {"status": 404}))
    run.takes["records"].transcript.add(run.takes["records"].facts["detail"])
    assert failing(run) == {"detail-found"}


# --- errors -----------------------------------------------------------------------------------------------------------


def test_right_doors_pass():
    found = outcomes(at_the_doors(), requests)
    assert "failed" not in found.values()
    assert not {f"{name}-is-{code}" for name, (code, _) in REFUSED.items()} & set(found)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("code", [200, 201, 403, 422, 500])
def test_another_code_fails_the_check_that_names_the_request(name, code):
    def change(asked, status, body):
        return (code, body | {"status": code}) if asked == name else (status, body)

    assert failing(at_the_doors(change=change)) == {f"{name}-is-{REFUSED[name][0]}"}


def test_what_is_accepted_is_caught():
    def change(asked, status, body):
        placed = success(phoneNumber="not-a-number", sessionId="1")
        return (200, placed) if asked == "invalid-number" else (status, body)

    assert failing(at_the_doors(change=change)) == {"invalid-number-is-400"}


def test_an_error_that_HTTP_calls_a_success_is_one_breach():  # noqa: N802
    assert failing(at_the_doors(change=lambda name, status, body: (200, body))) == {"error-http-status"}


ERRORS = {
    "errors a list": {"errors": ["no"]},
    "errors empty": {"errors": ""},
    "errors null": {"errors": None},
    "data an object": {"data": {}},
    "status as text": {"status": "400"},
}


@pytest.mark.parametrize("breach", ERRORS)
def test_an_error_comes_in_its_envelope(breach):
    changed = ERRORS[breach]
    broken = at_the_doors(change=lambda name, status, body: (status, body | changed))
    assert failing(broken) == {"error-envelope", "framework-error-envelope"}


def test_the_frameworks_own_errors_are_of_its_own_shape():
    def change(name, status, body):
        own = {"statusCode": status, "message": "Cannot GET /no-such-route", "error": "Not Found"}
        return (status, own) if name in ("unknown-route", "malformed-json") else (status, body)

    assert failing(at_the_doors(change=change)) == {"framework-error-envelope"}


def test_a_page_instead_of_an_error_is_no_envelope():
    assert failing(at_the_doors(change=lambda name, status, body: (status, f"<h1>{status}</h1>"))) == {
        "error-envelope",
        "framework-error-envelope",
    }


@pytest.mark.parametrize("name", REFUSED)
def test_no_reply_is_no_proof(name):
    found = outcomes(at_the_doors(change=lambda asked, *reply: None if asked == name else reply), requests)
    assert found[f"{name}-is-{REFUSED[name][0]}"] == "inconclusive"


def test_a_server_that_refuses_the_token_breaks_nothing_that_it_can_be_told():
    found = outcomes(at_the_doors(change=lambda name, status, body: (401, body | {"status": 401})), requests)
    assert "failed" not in found.values()


# --- anything ---------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["status", "errors", "data", "sessionId"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from([200, 201, 302, 400, 404, 500]), json_values)
def test_no_reply_makes_a_check_stumble(code, value):
    reply = (code, json.loads(json.dumps(value)))
    outcomes(called(lambda *_: reply), requests, access)
    outcomes(at_the_doors(change=lambda *_: reply), requests, access)


def test_the_number_is_shown_as_it_came_back():
    run = called(of("call", data(phoneNumber="+6289608675796")))
    check = next(check for check in requests.CHECKS if check.id == "call-reply-number")
    with pytest.raises(Exception, match="phoneNumber is") as verdict:
        check.judge(run)
    assert verdict.value.got == f'data: phoneNumber is "+6289608675796", not "{NUMBER}"'
