"""A person picks up a call over the websocket: a real server, a real bot, and a page that hears and talks."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import numpy as np
import pytest
from conftest import Api

from mockpbx.adapters.control import handset as adapter
from mockpbx.client import Client
from mockpbx.client.call import Call
from mockpbx.contract import messages as m
from mockpbx.domain import scenario as s
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.media.framing import FRAME, FRAME_BYTES
from mockpbx.media.pcm import SILENCE_BYTES

NUMBER, CHATTY = "089608675796", "081200000001"
PLAN = Plan(
    (
        Rule.of("0896*", Named("handset", PERSONAS["handset"])),
        Rule.of("0812*", Named("chatty", (s.Ring(0, setup=0), s.Answer(), s.Tone(1_000), s.Wait(60)))),
    )
)
QUICK = {"dial_delay": 3_600, "record_delay": 0}  # dialling begins when the bot has joined


def words(seed: int, frames: int = 25) -> bytes:
    """Sound of which no frame is silent."""
    return np.random.default_rng(seed).integers(1, 30_000, frames * FRAME, dtype=np.int16).tobytes()


def frames_of(sound: bytes) -> list[bytes]:
    return [sound[at : at + FRAME_BYTES] for at in range(0, len(sound), FRAME_BYTES)]


def without_silence(frames: list[bytes]) -> bytes:
    return b"".join(frame for frame in frames if frame != SILENCE_BYTES)


class Page:
    """The page's end of the websocket: what it was told, and the sound that came before that."""

    def __init__(self, channel: aiohttp.ClientWebSocketResponse) -> None:
        self.channel = channel
        self.frames: list[bytes] = []

    async def tell(self, **words: object) -> None:
        await self.channel.send_json(words)

    async def told(self) -> dict | None:
        """Return the next words, None at the end of the socket."""
        async with asyncio.timeout(10):
            async for message in self.channel:
                if message.type is aiohttp.WSMsgType.TEXT:
                    return json.loads(message.data)
                self.frames.append(message.data)
        return None

    async def hears(self, sound: bytes) -> None:
        """Return when it has heard so much, silence apart; it must be this sound, sample for sample."""
        async with asyncio.timeout(10):
            while len(without_silence(self.frames)) < len(sound):
                self.frames.append(await self.channel.receive_bytes())
        assert without_silence(self.frames) == sound
        self.frames.clear()


class Desk(Api):
    """A bot, the control API, and pages that hold its calls."""

    def __init__(self, http: aiohttp.ClientSession, url: str, bot: Client, pages: AsyncExitStack) -> None:
        super().__init__(http, url)
        self.bot = bot
        self.pages = pages

    async def ringing(self) -> Call:
        call = await self.bot.place_call(NUMBER)
        await call.until(m.DialStatusChange, status="Ringing")
        return call

    async def answered(self) -> Call:
        call = await self.ringing()
        await self.by_hand(call, "answer")
        await call.until(m.DialStatusChange, status="Connected")
        return call

    async def by_hand(self, call: Call, what: str, **body: object) -> None:
        status, reply = await self.post(f"/__admin/calls/{call.session_id}/{what}", body)
        assert status == 200, reply

    async def open(self, session_id: str, **options) -> Page:
        url = f"{self.url}/__admin/calls/{session_id}/handset"
        return Page(await self.pages.enter_async_context(self.http.ws_connect(url, **options)))

    async def greeted(self, session_id: str, *, headers: dict | None = None, **hello: object) -> tuple[Page, dict]:
        """A page that has said its first words, and the answer."""
        page = await self.open(session_id, headers=headers)
        await page.tell(**({"token": "dev"} | hello))
        return page, await page.told()

    async def held(self, call: Call, **hello: object) -> Page:
        page, told = await self.greeted(call.session_id, **hello)
        assert told["type"] == "ready", told
        return page

    async def talking(self, call: Call) -> Page:
        page = await self.held(call)
        await page.tell(type="talk")
        assert await page.told() == {"type": "talking"}
        return page

    async def refused(self, session_id: str, **hello: object) -> tuple[str, str]:
        """Return the reason and the sentence of a refusal, behind which the socket must be closed."""
        page, told = await self.greeted(session_id, **hello)
        assert told["type"] == "refused"
        assert await page.told() is None
        assert page.channel.close_code == 1008
        return told["reason"], told["message"]

    async def put_down(self, call: Call) -> dict:
        """Return what the journal says of a handset that was put down, once it does."""
        path = f"/__admin/journal?wait=10&kind=HandsetPutDown&call={call.session_id}"
        _, reply = await self.get(path)
        (entry,) = reply["data"]["entries"]
        return entry["data"]


@pytest.fixture
def desk(serve, http) -> Callable:
    @asynccontextmanager
    async def start(**settings) -> AsyncIterator[Desk]:
        pbx = await serve(plan=PLAN, **QUICK, **settings)
        async with AsyncExitStack() as pages, Client(pbx.url, "dev") as bot:
            yield Desk(http, pbx.url, bot, pages)

    return start


async def speak(page: Page, sound: bytes, call: Call) -> None:
    """Let a page say something, never far ahead of what the bot has heard of it; it hears it sample for sample."""
    await call.check_point("now")
    await call.until(m.CheckPointReached)
    waiting = [*frames_of(sound), SILENCE_BYTES, SILENCE_BYTES]  # the last words need some behind them, too
    for frame in waiting[:4]:
        await page.channel.send_bytes(frame)
    del waiting[:4]
    heard = b""
    async with asyncio.timeout(10):
        while len(heard) < len(sound):
            frame = (await call.until(m.CalleeAudio)).audio_data
            if frame != SILENCE_BYTES:
                heard += frame
                await page.channel.send_bytes(b"".join(waiting[:1]))
                del waiting[:1]
    assert heard == sound


async def heard(call: Call, frames: int) -> bytes:
    """Return what the bot hears in so many frames, without silence."""
    return without_silence([(await call.until(m.CalleeAudio)).audio_data for _ in range(frames)])


# --- talking and listening --------------------------------------------------------------------------------------------


async def test_a_call_is_answered_by_hand_and_each_hears_the_other_sample_for_sample(desk):
    async with desk() as desk:
        call = await desk.ringing()
        page, told = await desk.greeted(call.session_id)
        assert told == {"type": "ready", "status": "Ringing", "talking": False}
        await page.tell(type="talk")
        assert await page.told() == {"type": "talking"}
        await desk.by_hand(call, "answer")
        await call.until(m.DialStatusChange, status="Connected")
        await speak(page, words(1), call)
        await call.send_audio(words(2))
        await page.hears(words(2))
        await speak(page, words(3), call)
        await desk.by_hand(call, "press", keys="5")
        assert (await call.until(m.DigitPressed)).digit == "5"
        await desk.by_hand(call, "hangup")
        while (told := await page.told()) is not None:
            assert told == {"type": "ended"}
        assert page.channel.close_code == 1000
        record = await call.finished()
        assert (record.hangup_cause_code, record.disposition) == (16, "ANSWERED")


async def test_when_the_bot_hangs_up_the_page_is_told_and_the_socket_closes(desk):
    async with desk() as desk:
        call = await desk.answered()
        page = await desk.talking(call)
        await call.hang_up()
        assert await page.told() == {"type": "ended"}
        assert await page.told() is None
        await call.finished()
        down = await desk.put_down(call)
        assert down["why"] == "ended"
        assert (await desk.refused(call.session_id))[0] == "ended"


async def test_a_clip_is_played_instead_of_talking_and_then_the_person_talks_again(desk):
    async with desk() as desk:
        call = await desk.answered()
        page = await desk.talking(call)
        await desk.by_hand(call, "play", clip="uh-huh")
        assert await page.told() == {"type": "scenario"}
        assert await page.told() == {"type": "talking"}
        async with asyncio.timeout(10):
            while not await heard(call, 5):
                pass
            while await heard(call, 5):
                pass
        await speak(page, words(1), call)


async def test_a_person_takes_over_from_a_scenario_in_mid_call_and_gives_it_to_a_persona_and_takes_it_back(desk):
    async with desk() as desk:
        call = await desk.bot.place_call(CHATTY)
        await call.until(m.DialStatusChange, status="Connected")
        assert await heard(call, 3)
        page, told = await desk.greeted(call.session_id)
        assert told == {"type": "ready", "status": "Connected", "talking": False}
        await page.tell(type="talk")
        assert await page.told() == {"type": "talking"}
        async with asyncio.timeout(10):
            while await heard(call, 1):
                pass
        await speak(page, words(1), call)
        await desk.by_hand(call, "scenario", scenario="echo")
        assert await page.told() == {"type": "scenario"}
        await page.channel.send_bytes(words(2))
        assert not await heard(call, 20)
        await page.tell(type="talk")
        assert await page.told() == {"type": "talking"}
        await speak(page, words(3), call)


async def test_another_page_takes_the_call_over_and_the_first_is_told(desk):
    async with desk() as desk:
        call = await desk.answered()
        first = await desk.talking(call)
        reason, sentence = await desk.refused(call.session_id)
        assert (reason, sentence) == ("held", "Another page holds this call: take it over, or put it down there")
        second, told = await desk.greeted(call.session_id, takeOver=True)
        assert told == {"type": "ready", "status": "Connected", "talking": True}
        assert await first.told() == {"type": "taken"}
        assert await first.told() is None
        assert (await desk.put_down(call))["why"] == "taken"
        await speak(second, words(1), call)
        await call.send_audio(words(2))
        await second.hears(words(2))


async def test_when_the_page_goes_the_call_goes_on_in_silence_and_another_picks_up(desk):
    async with desk() as desk:
        call = await desk.answered()
        page = await desk.talking(call)
        await speak(page, words(1), call)
        await page.channel.close()
        down = await desk.put_down(call)
        ledger = down["microphone"]
        assert down["why"] == "gone"
        assert ledger["accepted"] == 27 * FRAME == ledger["played"] + ledger["discarded"]
        assert ledger["played"] >= 25 * FRAME
        assert not await heard(call, 10)
        await speak(await desk.talking(call), words(2), call)


async def test_the_journal_of_a_call_tells_who_held_it(desk):
    async with desk() as desk:
        call = await desk.answered()
        await desk.talking(call)
        await call.hang_up()
        await call.finished()
        _, reply = await desk.get(f"/__admin/journal?call={call.session_id}")
        kinds = [entry["kind"] for entry in reply["data"]["entries"]]
        talk = kinds.index("HandsetPickedUp")
        assert kinds[talk : talk + 4] == ["HandsetPickedUp", "TakenOver", "HandsetVoiced", "ScenarioFinished"]
        assert kinds[-5:] == ["HandsetPutDown", "MediaStopped", "CallEnded", "CallMeasured", "RecordIssued"]


async def test_the_list_of_calls_tells_who_holds_them_and_whether_their_scenarios_go_on(desk):
    async with desk() as desk:

        async def told() -> tuple[str | None, bool]:
            _, reply = await desk.get("/__admin/calls")
            (summary,) = reply["data"]["calls"]
            return summary["handset"], summary["performing"]

        call = await desk.ringing()
        assert await told() == (None, True)
        page = await desk.held(call)
        assert await told() == ("held", True)
        await page.tell(type="talk")
        await page.told()
        assert await told() == ("talking", True)
        await desk.by_hand(call, "answer")
        assert await told() == ("talking", False)
        await desk.by_hand(call, "scenario", scenario="echo")
        assert await told() == ("held", True)
        await call.hang_up()
        await call.finished()
        assert await told() == (None, False)


# --- who may ----------------------------------------------------------------------------------------------------------


async def test_the_token_may_come_in_a_header_too(desk):
    async with desk() as desk:
        call = await desk.ringing()
        _, told = await desk.greeted(call.session_id, token=None, headers={"Authorization": "Bearer dev"})
        assert told["type"] == "ready"


@pytest.mark.parametrize("token", [None, "", "invalid-token", "expired-token"])
async def test_a_token_that_is_none_is_refused_in_the_services_words(desk, token):
    async with desk() as desk:
        call = await desk.ringing()
        reason, sentence = await desk.refused(call.session_id, token=token)
        assert reason == "token"
        assert sentence.startswith("Authentication token")


async def test_with_an_admin_token_the_page_shows_it_as_well(desk):
    async with desk(admin_token="s3cret") as desk:
        call = await desk.ringing()
        for shown in (None, "s3cre"):
            reason, sentence = await desk.refused(call.session_id, adminToken=shown)
            assert reason == "admin"
            assert "s3cret" not in sentence
        await desk.held(call, adminToken="s3cret")
        _, told = await desk.greeted(call.session_id, takeOver=True, headers={"X-Admin-Token": "s3cret"})
        assert told["type"] == "ready"


async def test_another_tokens_call_is_as_unknown_as_none(desk):
    async with desk() as desk:
        call = await desk.ringing()
        assert await desk.refused(call.session_id, token="other") == await desk.refused("nowhere")
        assert (await desk.refused("nowhere"))[0] == "unknown"


@pytest.mark.parametrize("mode", ["20x", "manual"])
async def test_time_must_be_real_for_a_person(desk, mode):
    async with desk() as desk:
        call = await desk.answered()
        page = await desk.held(call)
        await desk.ask("PUT", "/__admin/clock", json={"mode": mode})
        told = await page.told()
        assert (told["type"], told["reason"]) == ("refused", "clock")
        assert f"The clock is {mode}" in told["message"]
        assert await page.told() is None
        reason, sentence = await desk.refused(call.session_id)
        assert (reason, sentence) == ("clock", told["message"])
        assert sentence.endswith('set it by PUT /__admin/clock {"mode": "real"}')


async def test_a_page_of_another_host_is_turned_away_at_the_door(desk):
    async with desk() as desk:
        call = await desk.ringing()
        for origin in ("https://evil.test", "null", desk.url + ".evil.test", "http://["):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await desk.open(call.session_id, origin=origin)
            assert refused.value.status == 403
        await desk.open(call.session_id, origin=desk.url)


async def test_a_plain_request_is_told_what_it_takes(desk):
    async with desk() as desk:
        status, reply = await desk.get("/__admin/calls/x/handset")
        assert status == 400
        assert reply["errors"].startswith("This is a websocket: open it as one")


# --- what makes no sense ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        ("{", "The message is not valid JSON"),
        ("[" * 60_000, "The message is not valid JSON"),
        ("[]", "The payload must be an object, got a list"),
        ('{"token": 5}', "token is not valid: expected a string, got the number 5"),
        ('{"token": "dev", "takeOver": "yes"}', "takeOver is not valid"),
        (b"\0\0", "The first message must be text"),
    ],
)
async def test_first_words_that_make_no_sense_get_a_sentence_and_the_end(desk, first, sentence):
    async with desk() as desk:
        page = await desk.open("x")
        await (page.channel.send_bytes(first) if isinstance(first, bytes) else page.channel.send_str(first))
        told = await page.told()
        assert told["type"] == "error"
        assert told["message"].startswith(sentence)
        assert await page.told() is None


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"\0" * 321, "The sound is not valid: expected pcm16"),
        (b"\0" * 8_194, "The sound is not valid: expected pcm16"),
        ("talk", "The message is not valid JSON"),
        ('{"type": "sing"}', 'The message is not valid: expected {"type": "talk"}'),
        ('["talk"]', 'The message is not valid: expected {"type": "talk"}'),
    ],
)
async def test_a_message_that_makes_no_sense_gets_a_sentence_and_the_call_goes_on_without_the_page(
    desk, sent, sentence
):
    async with desk() as desk:
        call = await desk.answered()
        page = await desk.talking(call)
        await (page.channel.send_bytes(sent) if isinstance(sent, bytes) else page.channel.send_str(sent))
        told = await page.told()
        assert told["type"] == "error"
        assert told["message"].startswith(sentence)
        assert await page.told() is None
        assert (await desk.put_down(call))["why"] == "gone"
        await speak(await desk.talking(call), words(1), call)


async def test_a_message_longer_than_any_that_makes_sense_ends_the_socket(desk):
    async with desk() as desk:
        call = await desk.ringing()
        page = await desk.held(call)
        await page.channel.send_bytes(b"\0" * 70_000)
        assert await page.told() is None
        assert page.channel.close_code == 1009
        await desk.held(call)


async def test_pieces_of_any_even_length_are_taken(desk):
    async with desk() as desk:
        call = await desk.answered()
        page = await desk.talking(call)
        sound = words(1, frames=6)
        for piece in (sound[:2], b"", sound[2:700], sound[700:]):
            await page.channel.send_bytes(piece)
        said = b""
        async with asyncio.timeout(10):
            while len(said) < len(sound):
                said += await heard(call, 1)
        assert said == sound


async def test_the_websockets_own_pings_are_answered_before_the_first_words_and_behind_them(desk):
    async with desk() as at:
        page = await at.open((await at.ringing()).session_id, autoping=False)
        await page.channel.ping(b"first")
        assert (await page.channel.receive()).data == b"first"
        await page.tell(token="dev")
        assert (await page.told())["type"] == "ready"
        await page.channel.ping(b"second")
        assert (await page.channel.receive()).data == b"second"


@pytest.mark.parametrize("frame", ["ping", "pong"])
async def test_a_page_that_floods_with_pings_or_pongs_is_turned_away(desk, monkeypatch, frame):
    monkeypatch.setattr(adapter, "MOST_CONTROL_FRAMES", 10)
    async with desk() as at:
        page = await at.held(await at.ringing())
        for _ in range(11):
            await getattr(page.channel, frame)()
        assert "too many: 10 in a row" in (await page.told())["message"]
        assert await page.told() is None


async def test_everybody_else_is_heard_while_a_page_says_very_much_at_once(desk, monkeypatch):
    taken = []
    monkeypatch.setattr(adapter, "_take", lambda message, *_: taken.append(message.data))
    async with desk() as at, asyncio.timeout(30):
        page = await at.held(await at.ringing())
        page.channel._writer.transport.write(b"\x82\x80\0\0\0\0" * 20_000)
        while not taken:
            await asyncio.sleep(0)
        assert (await at.get("/__admin/livez"))[0] == 200
        assert len(taken) < 20_000
        while len(taken) < 20_000:
            await asyncio.sleep(0)


async def test_who_says_nothing_is_not_waited_for(desk, monkeypatch):
    monkeypatch.setattr(adapter.HandsetHandlers, "first_within", 0.05)
    async with desk() as desk:
        page = await desk.open("x")
        assert await page.told() == {
            "type": "error",
            "message": 'Nothing came within 0.05 s: send {"token": "..."} first',
        }
        assert await page.told() is None


# --- pages that go, read nothing, or outlive the server ---------------------------------------------------------------


class Deaf:
    """A page that reads only when it is told to; what it has not read waits in buffers as small as can be."""

    def __init__(self, url: str, session_id: str) -> None:
        self.host, self.port = url.removeprefix("http://").split(":")
        self.session_id = session_id

    async def pick_up(self) -> None:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, (self.host, int(self.port)))
        self.reader, self.writer = await asyncio.open_connection(sock=line, limit=512)
        key = base64.b64encode(bytes(16)).decode()
        request = (
            f"GET /__admin/calls/{self.session_id}/handset HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\n"
        )
        request += f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        hello = b'{"token": "dev"}'
        self.writer.write(request.encode() + bytes([0x81, 0x80 | len(hello), 0, 0, 0, 0]) + hello)
        await self.reader.readuntil(b"\r\n\r\n")
        assert json.loads(await self.message())["type"] == "ready"

    async def message(self) -> bytes:
        async with asyncio.timeout(10):
            _, size = await self.reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2))
            return await self.reader.readexactly(size)


async def test_a_page_that_does_not_read_hears_the_latest_when_it_does(desk, monkeypatch):
    monkeypatch.setattr(adapter, "KERNEL_BACKLOG", 2_048)
    async with desk() as desk:
        call = await desk.answered()
        page = Deaf(desk.url, call.session_id)
        await page.pick_up()
        await call.send_audio(np.repeat(np.arange(1, 251, dtype=np.int16), FRAME).tobytes())
        await heard(call, 110)
        numbers = [0]
        async with asyncio.timeout(10):
            while numbers[-1] < 150:
                numbers.append(int(np.frombuffer(await page.message(), np.int16)[0]))
        numbers = [number for number in numbers if number]
        page.writer.transport.abort()
        assert (np.diff(numbers) > 0).all()
        assert np.diff(numbers).max() > 20
        assert (await desk.put_down(call))["why"] == "gone"


async def test_the_servers_end_is_the_end_of_every_handset(serve, http):
    pbx = await serve(plan=PLAN, **QUICK)
    async with AsyncExitStack() as pages, Client(pbx.url, "dev") as bot:
        desk = Desk(http, pbx.url, bot, pages)
        held, silent = await desk.held(await desk.ringing()), await desk.open("x")
        stopping = asyncio.ensure_future(pbx.stop())
        assert await held.told() == {"type": "ended"}
        assert await held.told() is None
        assert await silent.told() is None
        assert silent.channel.close_code == 1001
        async with asyncio.timeout(3):
            await stopping


def being_served() -> int:
    """The requests, websockets among them, that the server is busy with: two tasks each."""
    return sum("RequestHandler" in task.get_coro().__qualname__ for task in asyncio.all_tasks())


async def test_nothing_is_left_of_pages_that_break_off(desk):
    async with desk() as desk:
        call = await desk.answered()
        served = being_served()
        for _ in range(20):
            async with AsyncExitStack() as pages:
                desk.pages = pages
                page = await desk.talking(call)
                page.channel.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
                assert await page.told() is None
            await desk.get(f"/__admin/journal?wait=10&kind=HandsetPutDown&call={call.session_id}")
        async with asyncio.timeout(10):
            while being_served() > served:
                await call.until(m.CalleeAudio)
