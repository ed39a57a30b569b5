"""What the bot takes for granted of the service, down to the shape of its replies."""

import asyncio

import aiohttp
import numpy as np
import pytest
import socketio

from mockpbx.testing import Answer, Busy, CheckpointReached, Connected, DigitHeard, Ended, HangUp, Ring, Ringing, Wait

NUMBER = "089608675796"
NOWHERE = "01000000-0000-7000-8000-000000000000"
TALK = (Ring(1), Answer(), Wait(3), HangUp())

pytestmark = pytest.mark.mockpbx(audio_lead=0.02, clock_start="2025-07-23T03:37:56Z")


class Phone:
    """A client that notes what it is told, and joins what it is told of if it is to."""

    def __init__(self, pbx, *, joins: bool = True) -> None:
        self.pbx = pbx
        self.joins = joins
        self.events: list[tuple[str, object]] = []
        self.answers: list[object] = []
        self.socket = socketio.AsyncClient(reconnection=False)
        self.socket.on("*", self._hear)

    async def __aenter__(self) -> "Phone":
        await self.socket.connect(self.pbx.url, transports=["websocket"], auth={"token": self.pbx.token})
        self.http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.pbx.token}"})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        await self.socket.disconnect()

    async def _hear(self, event: str, data: dict) -> None:
        if event != "audio":
            self.events.append((event, data))
        if event == "newSession" and self.joins:
            await self.send("joinRoom", data["sessionId"])

    async def send(self, event: str, session_id: str, **payload: object) -> None:
        await self.socket.emit(event, {"sessionId": session_id, **payload}, callback=self.answers.append)

    async def ask(self, method: str, path: str, headers: dict | None = None, **content) -> tuple[int, object]:
        async with self.http.request(method, self.pbx.url + path, headers=headers, **content) as reply:
            return reply.status, await reply.json()

    async def place(self, number: str = NUMBER) -> str:
        return (await self.ask("POST", "/pbx/call", json={"phoneNumber": number}))[1]["data"]["sessionId"]

    def told(self, event: str) -> list[object]:
        return [data for name, data in self.events if name == event]

    async def hears(self, event: str, times: int = 1) -> object:
        """Return the last such event's payload, once there are so many."""
        async with asyncio.timeout(5):
            while len(self.told(event)) < times:
                await asyncio.sleep(0.01)
        return self.told(event)[-1]


@pytest.fixture
async def phone(mockpbx):
    async with Phone(mockpbx) as phone:
        yield phone


# --- REST -------------------------------------------------------------------------------------------------------------


async def test_what_goes_well_is_answered_in_the_envelope(mockpbx, phone):
    mockpbx.when("*").then(*TALK)
    status, placed = await phone.ask("POST", "/pbx/call", json={"phoneNumber": NUMBER})
    session = placed["data"]["sessionId"]
    assert (status, placed) == (
        200,
        {"status": 200, "errors": "", "data": {"phoneNumber": NUMBER, "sessionId": session}},
    )
    record = await phone.hears("cdr")
    stamps = {"createdAt": "2025-07-23T03:38:02.000Z", "updatedAt": "2025-07-23T03:38:02.000Z"}
    status, detail = await phone.ask("GET", f"/cdr/{session}")
    assert (status, detail) == (200, {"status": 200, "errors": "", "data": record | stamps})
    status, page = await phone.ask("GET", "/cdr")
    assert (status, page["data"], page.keys()) == (200, [record | stamps], {"data", "meta"})


async def test_a_hang_up_is_answered_in_the_envelope(mockpbx, phone):
    mockpbx.when("*").then(Ring(0))
    session = await phone.place()
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Ringing)
    assert await phone.ask("POST", "/pbx/hangup", json={"sessionId": session}) == (
        200,
        {"status": 200, "errors": "", "data": {"sessionId": session}},
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "token", "status", "sentence"),
    [
        ("POST", "/pbx/call", {"phoneNumber": "12"}, None, 400, "Invalid phone number format"),
        ("POST", "/pbx/call", {"phoneNumber": NUMBER}, "", 401, "Authentication token is required"),
        ("POST", "/pbx/call", {"phoneNumber": NUMBER}, "Bearer invalid", 401, "Authentication token is invalid"),
        ("GET", "/cdr", None, "Bearer expired", 401, "Authentication token has expired"),
        ("POST", "/pbx/hangup", {"sessionId": NOWHERE}, None, 404, "No live call has this sessionId"),
        ("GET", f"/cdr/{NOWHERE}", None, None, 404, ""),
    ],
)
async def test_what_is_refused_says_why(phone, method, path, body, token, status, sentence):
    headers = None if token is None else {"Authorization": token}
    code, reply = await phone.ask(method, path, headers=headers, json=body)
    assert (code, reply["status"], reply["data"]) == (status, status, None)
    assert reply["errors"].startswith(sentence)


async def test_records_come_in_pages_the_newest_first(mockpbx, phone):
    mockpbx.when("*").then(Busy())
    numbers = ["0811111111", "0812222222", "0813333333"]
    for times, number in enumerate(numbers, 1):
        await phone.place(number)
        await phone.hears("cdr", times)

    async def page(query: str) -> tuple[list[str], dict]:
        _, page = await phone.ask("GET", f"/cdr?limit=2&{query}")
        return [row["destination"] for row in page["data"]], page["meta"]

    rows, meta = await page("page=1")
    assert rows == numbers[:0:-1]
    sizes = {"itemsPerPage": 2, "totalItems": 3, "currentPage": 1, "totalPages": 2}
    assert meta == sizes | {"sortBy": [["id", "DESC"]]}
    assert (await page("page=2"))[0] == numbers[:1]


# --- rooms ------------------------------------------------------------------------------------------------------------


async def test_a_room_is_for_those_who_have_joined_it(mockpbx, phone):
    mockpbx.when("*").then(*TALK)
    async with Phone(mockpbx) as other, Phone(mockpbx, joins=False) as onlooker:
        session = await phone.place()
        for member in (phone, other):
            await member.hears("cdr")
        for member in (phone, other):  # whoever joins second may miss that dialling has begun
            statuses = [data["status"] for data in member.told("dialStatus")]
            assert statuses[-2:] == ["Ringing", "Connected"]
            assert [event for event, _ in member.events][-4:] == [*["dialStatus"] * 2, "hangup", "cdr"]
            assert member.told("roomJoined") == [{"sessionId": session, "status": "success"}]
            assert {data["sessionId"] for _, data in member.events} == {session}
        assert onlooker.events == [("newSession", {"sessionId": session, "type": "outbound"})]


@pytest.mark.mockpbx(levels={"join-refused": "ignore"})
async def test_a_call_that_is_none_cannot_be_joined(phone):
    await phone.send("joinRoom", NOWHERE)
    assert await phone.hears("roomJoined") == {"sessionId": NOWHERE, "status": "failed"}


# --- sound ------------------------------------------------------------------------------------------------------------


async def connected(mockpbx, phone):
    mockpbx.when("*").then(Ring(1), Answer(), Wait(2), HangUp())
    await phone.place()
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Connected)
    return call


async def test_checkpoints_come_in_their_order_and_at_once_where_nothing_waits(mockpbx, phone):
    mockpbx.when("*").then(Ring(1), Answer(), Wait(5), HangUp())
    await phone.place()
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Connected)
    await phone.send("checkPoint", call.session_id, name="empty")
    for name in ("First", "second"):
        await phone.send("audio", call.session_id, audioData=b"\0\1" * 1_280, audioFormat="pcm16")
        await phone.send("checkPoint", call.session_id, name=name)
    reached = await call.expect(CheckpointReached("empty"), CheckpointReached("First"), CheckpointReached("second"))
    await call.expect(Ended)
    await phone.hears("cdr")
    assert [data["name"] for data in phone.told("checkPoint")] == ["empty", "First", "second"]
    assert reached[2].at - reached[1].at == 160
    assert phone.answers == [{"success": True, "error": None}] * 2


async def test_u_law_is_heard_as_itu_t_g_711_has_it(mockpbx, phone):
    call = await connected(mockpbx, phone)
    codes = bytes(range(256))
    await phone.send("audio", call.session_id, audioData=codes, audioFormat="ulaw")
    await call.wait()
    heard = call.sound.client[np.nonzero(call.sound.client)[0][0] :][:256]
    inverted = ~np.arange(256) & 0xFF
    size = (((inverted & 0x0F) << 3) + 0x84 << ((inverted & 0x70) >> 4)) - 0x84
    assert heard.tolist() == np.where(inverted & 0x80, -size, size).tolist()


async def test_a_digit_lasts_as_long_as_it_is_to(mockpbx, phone):
    call = await connected(mockpbx, phone)
    await phone.send("dtmf", call.session_id, digit="5", duration=200)
    await call.expect(DigitHeard("5"))
    await call.wait()
    sounding = np.nonzero(call.sound.client)[0]
    assert sounding[-1] - sounding[0] == pytest.approx(1_600, abs=80)
