"""Examinations of servers that work, that do not, and that stop working."""

import asyncio

import pytest
from aiohttp import web
from conformance.odd_servers import broken_json, hang, html, old_socket, redirect, running
from conftest import Api

from mockpbx.conformance.check import Outcome, Unclear, Unobservable, Violated, check
from mockpbx.conformance.checks import CHECKS
from mockpbx.conformance.run import Options, Run, Take
from mockpbx.conformance.runner import NOT_SEEN, Stopped, Unreachable, examine, judged, plan_of
from mockpbx.conformance.transcript import Exchange

NUMBER = "089608675796"


def options(url: str = "http://127.0.0.1:1", **others) -> Options:
    return Options(url, others.pop("token", "dev"), NUMBER, "invalid-xyz", **others)


def checks_of(scene: str):
    return [check for check in CHECKS if check.scenes == (scene,) and not check.needs]


class Watching:
    """Notes what it is told; `began` is set when a scene begins."""

    def __init__(self) -> None:
        self.scenes: list[str] = []
        self.results = []
        self.began = asyncio.Event()

    def scene_began(self, scene) -> None:
        self.scenes.append(scene.name)
        self.began.set()

    def judged(self, result) -> None:
        self.results.append(result)


async def examined(options: Options, scene: str = "doors"):
    return await examine(options, plan_of(options, checks_of(scene)), Watching())


def outcomes(report) -> set[Outcome]:
    return {result.outcome for result in report.results}


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_what_lacks_a_number_is_skipped_by_the_name_of_its_option():
    plan = plan_of(options())
    skipped = {result.got for result in plan.skipped}
    assert "not tried: --busy-number was not given" in skipped
    assert all(result.outcome is Outcome.SKIPPED for result in plan.skipped)
    assert "busy" not in {scene.name for scene in plan.scenes}

    given = plan_of(options(busy_number="0817"))
    assert "busy" in {scene.name for scene in given.scenes}
    assert given.calls > plan.calls


@pytest.mark.parametrize("most", range(4))
def test_no_more_calls_are_planned_than_allowed(most):
    plan = plan_of(options(max_calls=most))
    assert plan.calls <= most
    reasons = {result.got for result in plan.skipped}
    assert f"not tried: it takes more calls than --max-calls {most} allows" in reasons
    assert len(plan.checks) + len(plan.skipped) == len(CHECKS)


def test_only_the_scenes_that_the_checks_need_are_played():
    plan = plan_of(options(), checks_of("doors"))
    assert [scene.name for scene in plan.scenes] == ["doors"]
    assert plan.calls == 0


# --- judging ----------------------------------------------------------------------------------------------------------

ITEM = Exchange(0.0, 0.0, "GET", "/", None, None)


def judging(verdict: Exception | str | None):
    @check("a-check", "Section", "something", "doors")
    def made(run: Run) -> str | None:
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    return judged(made, Run(options(), {"doors": Take("doors")}))


@pytest.mark.parametrize(
    ("verdict", "outcome", "got"),
    [
        (None, Outcome.PASSED, ""),
        ("3 frames", Outcome.PASSED, "3 frames"),
        (Violated("nothing came", ITEM), Outcome.FAILED, "nothing came"),
        (Unclear("nobody answered"), Outcome.INCONCLUSIVE, "nobody answered"),
        (Unobservable("no echo"), Outcome.SKIPPED, "no echo"),
        (KeyError("status"), Outcome.INCONCLUSIVE, "the check itself failed: KeyError: 'status'"),
    ],
)
def test_a_judge_says_what_came_and_its_stumbling_is_no_verdict(verdict, outcome, got):
    result = judging(verdict)
    assert (result.outcome, result.got) == (outcome, got)
    assert result.items == ((ITEM,) if isinstance(verdict, Violated) else ())


# --- servers ----------------------------------------------------------------------------------------------------------


async def test_a_right_server_keeps_what_is_tried(serve):
    server = await serve()
    report = await examined(options(server.url))
    assert outcomes(report) == {Outcome.PASSED}, [r for r in report.results if r.outcome is not Outcome.PASSED]
    assert (report.exit_status(), report.calls, report.hints) == (0, 0, ())


async def test_a_wrong_server_fails_the_check_that_names_the_breach(serve):
    server = await serve(mutant="unauthorized-as-403")
    report = await examined(options(server.url))
    failed = {result.check.id for result in report.results if result.outcome is Outcome.FAILED}
    assert "rest-requires-token" in failed
    assert report.exit_status() == 1


@pytest.mark.parametrize(
    ("server", "hints"),
    [
        (html, ["no reply was JSON, but text/html", "no socket was let in"]),
        (redirect, ["every request was redirected", "the handshake was redirected (HTTP 301)"]),
        (old_socket, ["what came is no Socket.IO 5: no Engine.IO packet begins with '9'"]),
        (broken_json, ["no reply was JSON", "no socket was let in"]),
    ],
)
async def test_something_else_at_the_address_fails_at_once_with_a_hint(server, hints):
    async with running(server) as url:
        report = await examined(options(url))
    assert report.exit_status() == 1
    told = "\n".join(report.hints)
    assert all(hint in told for hint in hints), told


async def test_where_nothing_answers_nothing_is_tried():
    watching = Watching()
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:1 does not answer: Connection refused"):
        await examine(options(), plan_of(options()), watching)
    assert watching.scenes == []


async def test_a_server_that_accepts_and_never_answers_is_given_up():
    async with running(hang) as url:
        with pytest.raises(Unreachable, match=r"no reply within 0\.2 s"):
            await examined(options(url, timeout=0.2))


async def test_a_token_that_is_refused_everywhere_is_no_breach(serve):
    server = await serve(token=["good"])
    with pytest.raises(Unreachable, match=r"refuses the token.*401: Authentication token is invalid"):
        await examined(options(server.url, token="bad"))


async def test_a_server_that_stops_answering_leaves_the_rest_open_soon():
    asked = 0

    async def dying(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked > 3:
            return await hang(request)
        return web.json_response({"data": [], "meta": {}})

    wanted = [check for check in CHECKS if not check.needs]
    async with running(dying) as url:
        mine = options(url, timeout=0.1)
        report = await asyncio.wait_for(examine(mine, plan_of(mine, wanted), Watching()), 20)
    assert Outcome.INCONCLUSIVE in outcomes(report)
    assert report.exit_status() in (1, 2)
    later = [result for result in report.results if result.check.scenes == ("keying",)]
    assert all(result.outcome is Outcome.INCONCLUSIVE for result in later)


# --- stopping ---------------------------------------------------------------------------------------------------------


async def live(api: Api) -> list[dict]:
    return (await api.get("/__admin/calls?live=true"))[1]["data"]["calls"]


async def test_who_stops_it_leaves_no_call_behind(serve, http):
    server = await serve()
    api = Api(http, server.url)
    mine = options(server.url)
    watching = Watching()
    plan = plan_of(mine, [*checks_of("doors"), *checks_of("listening")])
    task = asyncio.create_task(examine(mine, plan, watching))
    while not any(call["joined"] for call in await live(api)):
        pass
    task.cancel()
    with pytest.raises(Stopped) as stopped:
        await task
    assert await live(api) == []
    report = stopped.value.report
    assert report.calls == 1
    by_scene = {result.check.scenes: result for result in report.results}
    assert by_scene["doors",].outcome is Outcome.PASSED
    assert (by_scene["listening",].outcome, by_scene["listening",].got) == (Outcome.INCONCLUSIVE, NOT_SEEN)
    assert report.exit_status() == 2


async def test_a_call_that_is_being_placed_when_it_is_stopped_is_hung_up_too():
    placing, hung_up = asyncio.Event(), []

    async def slow(request: web.Request) -> web.StreamResponse:
        if request.path == "/pbx/call":
            placing.set()
            await asyncio.sleep(0.2)
            return web.json_response({"status": 200, "errors": "", "data": {"sessionId": "late"}})
        if request.path == "/pbx/hangup":
            hung_up.append((await request.json())["sessionId"])
        if not request.path.startswith("/socket.io"):
            return web.json_response({"data": [], "meta": {}})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":5000}')
        async for message in socket:
            if message.data.startswith("40"):
                await socket.send_str('40{"sid":"def"}')
        return socket

    async with running(slow) as url:
        mine = options(url, timeout=5)
        task = asyncio.create_task(examine(mine, plan_of(mine, checks_of("listening")), Watching()))
        await placing.wait()
        task.cancel()
        with pytest.raises(Stopped):
            await task
    assert "late" in hung_up
