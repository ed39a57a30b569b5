"""No token can do anything about another's call: whatever it tries is answered as for a session that nobody has."""

import asyncio
import json
import re

import aiohttp
import pytest
import socketio
from conftest import Api

from mockpbx.adapters.control.routes import ROUTES, WEBSOCKET

NUMBER = "089608675796"
#: Shaped like an id, and nobody's.
NOBODYS = "0198355b-f324-718b-95a4-625c43c654bc"
SECONDS = 10


class Client:
    """A token's socket: what it was told, audio apart, and how much sound it heard."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self.api = Api(http, url, token)
        self.token = token
        self.sio = socketio.AsyncClient(reconnection=False)
        self.told: asyncio.Queue = asyncio.Queue()
        self.frames = 0
        self.sio.on("*", self._hear)

    def _hear(self, event, data) -> None:
        if event == "audio":
            self.frames += 1
        else:
            self.told.put_nowait((event, data))

    async def connect(self) -> "Client":
        await self.sio.connect(self.api.url, auth={"token": self.token}, transports=["websocket"])
        return self

    async def hear(self, event: str, **fields: object) -> dict:
        async with asyncio.timeout(SECONDS):
            while True:
                name, data = await self.told.get()
                if name == event and fields.items() <= data.items():
                    return data

    async def answer_to(self, event: str, payload: dict) -> list:
        """What is said to an event, up to the answer to a join of nobody's call behind it; events are kept in order."""
        ack = await self.sio.call(event, payload, timeout=SECONDS) if event == "audio" else None
        if event != "audio":
            await self.sio.emit(event, payload)
        await self.sio.emit("joinRoom", {"sessionId": "the end"})
        answers = []
        async with asyncio.timeout(SECONDS):
            while (told := await self.told.get()) != ("roomJoined", {"sessionId": "the end", "status": "failed"}):
                answers.append(told)
        return [ack, *answers]

    async def control(self, method: str, path: str, **options) -> tuple[int, object]:
        return await self.api.ask(method, f"/__admin{path}", **options)


ANSWERED = 2_500  # ms after the join


@pytest.fixture
async def pair(serve, http):
    """Somebody with a call that is up, on a clock that is stepped, and a stranger."""
    pbx = await serve(clock="manual", exceptions=True)
    owner, stranger = [await Client(http, pbx.url, token).connect() for token in ("owner", "stranger")]
    _, reply = await owner.api.post("/pbx/call", {"phoneNumber": NUMBER})
    owner.session = reply["data"]["sessionId"]
    await owner.hear("newSession")
    await owner.sio.emit("joinRoom", {"sessionId": owner.session})
    await owner.hear("roomJoined", status="success")
    await owner.control("POST", "/clock/advance", json={"ms": 4_000})
    await owner.hear("dialStatus", status="Connected")
    yield owner, stranger
    await owner.sio.disconnect()
    await stranger.sio.disconnect()


async def journal(client: Client) -> list:
    _, reply = await client.control("GET", "/journal")
    return [(entry["kind"], entry["data"]) for entry in reply["data"]["entries"]]


def nobodys(value: object, session: str) -> object:
    """The same, as it were about nobody's session."""
    either = f"{re.escape(session)}|{re.escape(NOBODYS)}"
    return json.loads(re.sub(either, NOBODYS, json.dumps(value, default=str), flags=re.IGNORECASE))


SOUND = {"audioData": bytes(320), "audioFormat": "pcm16"}
EVENTS = [
    ("joinRoom", {}),
    ("audio", SOUND),
    ("checkPoint", {"name": "x"}),
    ("dtmf", {"digit": "1"}),
    ("interruption", {}),
    ("hangup", {}),
]


@pytest.mark.parametrize(
    "spelt", [str, str.upper, " {}".format, "{}\x00".format], ids=["as it is", "upper", "space", "nul"]
)
async def test_no_event_reaches_a_strangers_call(pair, spelt):
    owner, stranger = pair
    before = await journal(owner)
    for event, fields in EVENTS:
        answer = await stranger.answer_to(event, {"sessionId": spelt(owner.session), **fields})
        assert nobodys(answer, owner.session) == nobodys(
            await stranger.answer_to(event, {"sessionId": spelt(NOBODYS), **fields}), owner.session
        )
        assert answer[0] == (None if event != "audio" else answer[0])
        assert event != "audio" or answer[0]["success"] is False
    assert await journal(owner) == before
    _, advanced = await owner.control("POST", "/clock/advance", json={"ms": 200})
    assert not [entry for entry in advanced["data"]["entries"] if entry["kind"] == "CallEnded"]
    assert stranger.frames == 0
    assert stranger.told.empty()


async def test_a_stranger_is_told_nothing_of_a_call_from_beginning_to_end(pair):
    owner, stranger = pair
    await owner.sio.emit("hangup", {"sessionId": owner.session})
    await owner.hear("hangup")
    await owner.control("POST", "/clock/advance", json={"ms": 3_000})
    await owner.hear("cdr")
    assert await stranger.answer_to("hangup", {"sessionId": NOBODYS}) == [
        None, ("exception", {"status": "error", "message": f"hangup: {_gone()}"})
    ]  # fmt: skip
    assert owner.frames > 0
    assert stranger.frames == 0


def _gone() -> str:
    return "No live call has this sessionId: it is unknown or the call has ended"


REST = [
    ("POST", "/pbx/hangup", {"sessionId": "{}"}),
    ("GET", "/cdr/{}", None),
    ("GET", "/cdr?filter.sessionId={}", None),
    ("GET", "/cdr?search={}", None),
    ("GET", f"/cdr?filter.destination=$contains:{NUMBER[:4]}", None),
    ("GET", "/cdr?filter.sessionId=$or:$eq:{}&filter.destination=$or:$contains:0", None),
    ("GET", "/cdr?limit=0", None),
    ("GET", "/cdr?page=1&sortBy=id:ASC&select=sessionId", None),
]


@pytest.mark.parametrize("ended", [False, True])
async def test_no_request_finds_or_ends_a_strangers_call(pair, ended):
    owner, stranger = pair
    if ended:
        await owner.sio.emit("hangup", {"sessionId": owner.session})
        await owner.hear("hangup")
        await owner.control("POST", "/clock/advance", json={"ms": 3_000})
        await owner.hear("cdr")
    before = await journal(owner)
    for method, path, body in REST:

        async def asked(session, method=method, path=path, body=body):
            sent = {} if body is None else {"json": json.loads(json.dumps(body).replace("{}", session))}
            return await stranger.api.ask(method, path.replace("{}", session), **sent)

        found = await asked(owner.session)
        assert nobodys(found, owner.session) == nobodys(await asked(NOBODYS), owner.session), path
        assert NUMBER not in json.dumps(found).replace(path, ""), path
    assert await journal(owner) == before


#: What a request to a call takes.
BODIES = {
    "hang_up": {},
    "answer": {},
    "press": {"keys": "1"},
    "play": {"clip": "hello"},
    "say": {"words": "halo"},
    "perform": {"scenario": "busy"},
    "expect": {"facts": [{"fact": "Connected"}], "within": 0},
    "evidence_ticket": {},
}
OF_CALLS = [route for route in ROUTES if "/calls/{id}" in route.path]
#: Other ways to name a call: method, path, body.
NAMED = [
    ("GET", "/journal?call={}", None),
    ("POST", "/journal/find", {"call": "{}"}),
    ("POST", "/journal/count", {"call": "{}"}),
    ("GET", "/messages?call={}", None),
    ("POST", "/calls/pulse", {"calls": {"{}": 0}}),
    ("POST", "/calls/wait", {"after": "{}", "within": 0}),
]


@pytest.mark.parametrize("route", [route for route in OF_CALLS if route.media != WEBSOCKET], ids=lambda route: route.id)
async def test_no_route_of_the_control_api_knows_a_strangers_call(pair, route):
    owner, stranger = pair
    before = await journal(owner)
    body = {"json": BODIES[route.id]} if route.id in BODIES else {}
    found = await stranger.api.ask(route.method, route.path.format(id=owner.session), **body)
    assert found == await stranger.api.ask(route.method, route.path.format(id=NOBODYS), **body)
    assert found[0] == 404
    assert await journal(owner) == before


async def test_no_question_about_a_strangers_call_is_answered(pair):
    owner, stranger = pair
    for method, path, body in NAMED:
        answers = []
        for session in (owner.session, NOBODYS):
            sent = {} if body is None else {"json": json.loads(json.dumps(body).replace("{}", session))}
            answers.append(nobodys(await stranger.control(method, path.replace("{}", session), **sent), owner.session))
        for answer in answers:
            (answer[1]["data"] or {}).pop("now", None)  # the time of another clock than the owner's
        assert answers[0] == answers[1], path


async def test_nobody_picks_up_a_strangers_handset(pair):
    owner, stranger = pair
    for session in (owner.session, NOBODYS):
        async with stranger.api.http.ws_connect(f"{owner.api.url}/__admin/calls/{session}/handset") as page:
            await page.send_json({"token": "stranger", "takeOver": True})
            told = await page.receive_json(timeout=SECONDS)
            assert (told["type"], "No call" in told["message"]) == ("refused" if "reason" in told else "error", True)
            assert nobodys(told, owner.session) == told


async def test_a_journal_that_is_streamed_tells_nothing_of_a_stranger(pair):
    owner, stranger = pair
    url = f"{owner.api.url}/__admin/journal/stream"
    async with stranger.api.http.get(url, headers=stranger.api.headers) as stream:
        await owner.sio.emit("hangup", {"sessionId": owner.session})
        await owner.hear("hangup")
        await stranger.control("PATCH", "/settings", json={"dial_delay": 7})  # the end of what is read
        text = b""
        async with asyncio.timeout(SECONDS):
            while b"SettingsChanged" not in text:
                text += await stream.content.readany()
    assert owner.session.encode() not in text
    assert b"CallEnded" not in text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/faults", {"fault": "frame_lost"}),
        ("POST", "/faults", {"fault": "event_lost", "event": "hangup"}),
        ("POST", "/faults", {"fault": "http_error", "status": 503}),
        ("POST", "/faults", {"fault": "socket_dropped"}),
        ("PUT", "/clock", {"mode": "20x"}),
        ("POST", "/reset", {}),
        ("PATCH", "/settings", {"call_limit": 0, "record_delay": 9}),
        ("PUT", "/dialplan", {"rules": [{"number": "*", "scenario": "busy"}]}),
    ],
    ids=lambda value: value.get("fault") if isinstance(value, dict) else value.replace("/", ""),
)
async def test_what_a_stranger_turns_leaves_a_call_as_it_is(pair, method, path, body):
    owner, stranger = pair
    status, _ = await stranger.control(method, path, json=body)
    assert status == 200
    _, advanced = await owner.control("POST", "/clock/advance", json={"ms": 1_000})
    kinds = {entry["kind"] for entry in advanced["data"]["entries"]}
    assert not kinds & {"CallEnded", "FaultStruck", "ClockSet", "SettingsChanged"}
    await owner.sio.emit("hangup", {"sessionId": owner.session})
    await owner.hear("hangup")
    assert owner.frames == 1 + (5_000 - ANSWERED) // 20  # those up to the hang-up have come before it


async def test_a_ticket_for_the_page_of_a_call_is_given_to_its_owner_alone(pair):
    owner, stranger = pair
    _, reply = await owner.control("POST", f"/calls/{owner.session}/evidence", json={})
    ticket = reply["data"]["path"]
    assert len(ticket.rpartition("/")[2]) >= 22  # 128 bits, in the alphabet of URLs
    for guess in (ticket[:-1], ticket + "x", ticket.swapcase(), ticket.rpartition("/")[0] + "/" + owner.session):
        status, words = await stranger.api.get(guess)
        assert status == 404, (guess, words)
        assert NUMBER not in str(words)
    status, page = await owner.api.get(ticket)
    assert (status, NUMBER in page) == (200, True)
