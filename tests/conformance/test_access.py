"""Who is let in."""

import asyncio
from dataclasses import replace

import pytest
from conformance.odd_servers import running
from conformance.talk import outcomes
from conformance.visitors import CLOSED, OPTIONS, at_the_doors

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.checks import CHECKS, access, refusals
from mockpbx.conformance.desk import new_session
from mockpbx.conformance.patience import Patience
from mockpbx.conformance.run import Take
from mockpbx.conformance.runner import examine, judged, plan_of
from mockpbx.conformance.scenes.doors import DOORS
from mockpbx.conformance.stage import Stage, Unplayable
from mockpbx.conformance.transcript import Closed, Exchange, Opened, Refused

REST = {"rest-requires-token", "rest-refuses-wrong-token", "rest-refuses-other-scheme"}
TOKENS = {
    "without-token": "rest-requires-token",
    "empty-token": "rest-requires-token",
    "wrong-token": "rest-refuses-wrong-token",
    "other-scheme": "rest-refuses-other-scheme",
}


def judge(**changes) -> dict[str, str]:
    return outcomes(at_the_doors(**changes), access)


def got(id: str, **changes) -> str:
    return next(judged(check, at_the_doors(**changes)).got for check in access.CHECKS if check.id == id)


def test_a_right_server_lets_nobody_in():
    assert judge() == {}


# --- REST -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "caught"), TOKENS.items())
@pytest.mark.parametrize("code", [200, 201, 400, 403, 500, 302])
def test_strangers_get_401_and_nothing_else(name, caught, code):
    def change(asked, status, body):
        return (code, body | {"status": code}) if asked == name else (status, body)

    assert judge(change=change) == {caught: "failed"}


def test_one_operation_that_lets_strangers_in_is_enough():
    calls = iter(range(100))

    def change(asked, status, body):
        return (200, {"data": [], "meta": {}}) if asked == "wrong-token" and next(calls) == 3 else (status, body)

    assert judge(change=change) == {"rest-refuses-wrong-token": "failed"}


def test_who_accepts_the_wrong_token_learns_how_to_name_another():
    def change(asked, status, body):
        return (200, {"data": [], "meta": {}}) if asked == "wrong-token" else (status, body)

    sentence = got("rest-refuses-wrong-token", change=change)
    assert sentence.startswith("GET /cdr was answered 200, with the wrong token")
    assert "--wrong-token" in sentence
    assert OPTIONS.wrong_token not in sentence


def test_an_error_told_by_HTTP_200_is_another_breach():  # noqa: N802
    def change(asked, status, body):
        return 200, body

    assert judge(change=change) == {}
    assert outcomes(at_the_doors(change=change), refusals)["error-http-status"] == "failed"


def test_what_a_refusal_looks_like_is_another_breach():
    assert judge(change=lambda asked, status, body: (status, {"message": "Unauthorized"})) == {}
    assert judge(change=lambda asked, status, body: (status, "<h1>Unauthorized</h1>")) == {}


def test_no_reply_is_no_proof():
    def change(asked, status, body):
        return None if asked == "without-token" else (status, body)

    assert judge(change=change) == {"rest-requires-token": "inconclusive"}
    assert "no reply" in got("rest-requires-token", change=change)


@pytest.mark.parametrize("status", [429, 502, 504])
def test_a_gateway_that_turns_everybody_away_proves_nothing(status):
    found = judge(change=lambda asked, _, body: (status, "<h1>Come back later</h1>"))
    assert found == dict.fromkeys(REST, "inconclusive")


def test_a_server_that_refuses_the_right_token_proves_nothing():
    found = judge(change=lambda asked, status, body: (401, body | {"status": 401}))
    assert {id: outcome for id, outcome in found.items() if id in REST} == dict.fromkeys(REST, "inconclusive")
    assert "refuses the token" in got("rest-requires-token", change=lambda asked, status, body: (401, body))


# --- sockets ----------------------------------------------------------------------------------------------------------


def test_a_socket_that_is_let_in_without_a_token_is_caught():
    assert judge(no_token=(Opened(2.0, "no-token"),)) == {"socket-requires-token": "failed"}


def test_a_socket_that_is_let_in_with_the_wrong_token_is_caught():
    assert judge(wrong_token=(Opened(2.0, "wrong-token"),)) == {"socket-refuses-wrong-token": "failed"}


def test_a_socket_that_is_let_in_until_the_checker_leaves_is_caught():
    stayed = (Opened(2.0, "no-token"), Closed(9.0, "no-token", "checker", 1000))
    assert judge(no_token=stayed)["socket-requires-token"] == "failed"


def test_a_socket_may_be_closed_behind_its_connect():
    assert judge(no_token=CLOSED) == {}


@pytest.mark.parametrize(
    "reason",
    ["the websocket handshake was answered with HTTP 401", "the server closed the connection without a word"],
)
def test_a_refusal_without_words_is_a_refusal(reason):
    found = judge(no_token=(Refused(2.0, "no-token", None, reason),))
    assert found == {"socket-refusal-says-why": "failed"}
    assert got("socket-requires-token", no_token=(Refused(2.0, "no-token", None, reason),)) == reason


@pytest.mark.parametrize("answer", ["no", {"error": "no"}, {"message": ""}, {"message": 401}, []])
def test_a_connect_error_has_a_message(answer):
    refused = (Refused(2.0, "wrong-token", answer, "CONNECT_ERROR"),)
    assert judge(wrong_token=refused) == {"socket-refusal-says-why": "failed"}


def test_a_server_that_lets_no_socket_in_at_all_proves_nothing():
    found = judge(visitor=(Refused(3.0, "visitor", None, "HTTP 404"),))
    assert found == {"socket-requires-token": "inconclusive", "socket-refuses-wrong-token": "inconclusive"}


# --- the scene --------------------------------------------------------------------------------------------------------


class Nobody:
    def scene_began(self, scene) -> None: ...

    def judged(self, result) -> None: ...


async def played(url: str, **options) -> Take:
    """Play the scene and nothing behind it."""
    take = Take("doors")
    async with new_session() as http:
        await DOORS.play(stage := Stage(replace(OPTIONS, url=url, **options), take, http, Patience()))
        await stage.settle()
    return take


async def visit(server, **options):
    tried = replace(OPTIONS, url=server.url, **options)
    return await examine(tried, plan_of(tried, [check for check in CHECKS if check.scenes == ("doors",)]), Nobody())


async def test_a_visit_of_the_emulator_finds_its_doors_shut(serve):
    report = await visit(await serve())
    assert {result.outcome for result in report.results} == {Outcome.PASSED}
    assert report.plan.calls == 0


def calls_of(server):
    return [view for workspace in server.workspaces() for view in workspace.calls.calls()]


@pytest.mark.parametrize("mutant", ["missing-token-accepted", "invalid-number-accepted"])
async def test_no_call_is_left_that_should_not_be(serve, mutant):
    server = await serve(mutant=mutant)
    report = await visit(server)
    assert report.exit_status() == 1
    assert calls_of(server)
    assert [view for view in calls_of(server) if view.ended is None] == []


async def test_a_call_that_should_not_be_is_hung_up_before_anything_else_is_asked(serve):
    take = await played((await serve(mutant="invalid-number-accepted")).url)
    asked = list(take.transcript.of(Exchange))
    for place, exchange in enumerate(asked):
        if exchange.path == "/pbx/call" and exchange.status == 200:
            after = asked[place + 1]
            assert (after.path, after.body, after.status) == (
                "/pbx/hangup",
                {"sessionId": exchange.data["sessionId"]},
                200,
            )


async def test_a_call_of_somebody_whose_token_is_right_is_hung_up_by_that_token(serve):
    server = await serve()
    await visit(server, wrong_token="somebody-else")
    assert [view.ended is None for view in calls_of(server)] == [False]


async def test_one_stranger_s_call_is_enough(serve):
    server = await serve(mutant="missing-token-accepted")
    await visit(server)
    assert [view.number for view in calls_of(server)].count(OPTIONS.number) == 1


async def test_a_server_that_answers_nothing_is_left_alone_soon():
    asked = []

    async def silence(request):
        asked.append(request.path)
        await asyncio.sleep(60)

    async with running(silence) as url:
        with pytest.raises(Unplayable, match="no reply within"):
            await played(url, timeout=0.05)
    assert len(asked) == 3
