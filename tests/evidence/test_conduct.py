"""How a client conducts its call: each rule is broken over a real socket, and done right it is not broken.

The clock stands still between the client's acts, and the call is judged as one in real time.
"""

from dataclasses import replace

import aiohttp
import pytest
import socketio
from conftest import Api
from lab import Lab, lab_of
from socketio import packet

from mockpbx.contract.errors import NotConnected
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.domain.scenario import Answer, Echo, HangUp, Ring, Wait
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.findings import findings
from mockpbx.evidence.rules import RULES
from mockpbx.evidence.untried import untried
from mockpbx.media.wav import read_audio
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.workspace import Workspace

NUMBER = "089608675796"
TALK = Plan((Rule.of("*", Named("talk", (Ring(1, setup=0), Answer(), Wait(60), HangUp()))),))
PACKET = bytes(2_560)
NEW = {
    "sent-before-joining",
    "audio-before-connected",
    "acks-not-asked",
    "acks-ignored",
    "checkpoint-late",
    "not-rejoined",
    "left-running",
}


class Client:
    """A socket, and a call that it places; `act` lets the server take note before time goes on."""

    def __init__(self, api: Api, workspace: Workspace) -> None:
        self.api, self.workspace = api, workspace
        self.sio: socketio.AsyncClient
        self.session = ""

    async def connect(self) -> None:
        self.sio = socketio.AsyncClient(reconnection=False)
        await self.sio.connect(self.api.url, auth={"token": "dev"}, transports=["websocket"])
        await self.advance(0)

    async def place(self) -> "Client":
        _, reply = await self.api.post("/pbx/call", {"phoneNumber": NUMBER})
        self.session = reply["data"]["sessionId"]
        return self

    async def send(self, event: str, *, ack: bool = True, **fields) -> None:
        message = {"sessionId": self.session, **fields}
        if event == "audio":
            message |= {"audioData": PACKET, "audioFormat": "pcm16"}
        await self.sio.emit(event, message, callback=(lambda *_: None) if event == "audio" and ack else None)
        await self.advance(0)

    async def join(self) -> "Client":
        await self.send("joinRoom")
        return self

    async def advance(self, ms: int) -> None:
        await self.workspace.advance(ms)

    async def answered(self) -> "Client":
        await (await self.place()).join()
        await self.advance(1_000)
        return self

    async def leave(self) -> None:
        # The library's own goodbye may be overtaken by its closing of the connection.
        await self.sio._send_packet(packet.Packet(packet.DISCONNECT, namespace="/"))
        await self.sio.eio.queue.join()
        await self.sio.disconnect()
        await self.left()

    async def lose(self) -> None:
        """The connection breaks: no DISCONNECT packet, no close frame."""
        self.sio.eio.ws._response.connection.transport.abort()
        await self.left()

    async def left(self) -> None:
        while self.workspace.clients.connected:
            await self.workspace.clients.ping(0.05)

    def found(self) -> dict[str, object]:
        dossier = dossier_of(self.workspace, self.session)
        dossier = replace(dossier, settings=dossier.settings.model_copy(update={"clock": "real"}))
        return {finding.id: finding for finding in findings(dossier)}


@pytest.fixture
async def client(serve, http: aiohttp.ClientSession):
    pbx = await serve(plan=TALK, clock="manual", dial_delay=0)
    client = Client(Api(http, pbx.url), pbx.workspace_of("dev"))
    await client.connect()
    yield client
    await client.sio.disconnect()


# --- joining before sending ------------------------------------------------------------------------------------------


async def test_what_is_sent_before_joining_is_told_by_how_much_it_was_too_early(client):
    await client.place()
    await client.advance(1_000)
    await client.send("audio")
    await client.send("checkPoint", name="said")
    await client.advance(300)
    await client.join()
    await client.send("hangup")
    finding = client.found()["sent-before-joining"]
    assert finding.what == "2 messages, the first of them 300 ms before joinRoom"
    assert (finding.level, finding.count) == ("warning", 2)


async def test_a_client_that_joins_first_is_not_told_of_it(client):
    await client.answered()
    await client.send("audio")
    await client.send("hangup")
    assert not client.found().keys() & NEW


async def test_who_could_not_know_of_the_session_yet_is_not_blamed(client):
    await client.api.post("/__admin/faults", {"fault": "event_late", "event": "newSession", "seconds": 5})
    await client.place()
    await client.advance(1_000)
    await client.send("audio")
    await client.advance(5_000)
    await client.join()
    await client.send("hangup")
    assert "sent-before-joining" not in client.found()


# --- audio before the answer -----------------------------------------------------------------------------------------


def early(**switches) -> Lab:
    lab = Lab(**switches).call()
    lab.advance(1_000).workspace.play("s", read_audio("fixtures/clips/hello.wav"))
    lab.advance(9_000).workspace.hang_up("s")
    return lab


def found_in(lab: Lab, **changed) -> dict[str, object]:
    dossier = replace(dossier_of(lab.workspace, "s"), **changed)
    settings = dossier.settings.model_copy(update={"clock": "real"})
    return {finding.id: finding for finding in findings(replace(dossier, settings=settings))}


def test_a_service_that_queues_early_sound_by_its_own_switch_blames_nobody():
    assert "audio-before-connected" not in found_in(early(audio_before_answer="queue"))


def test_early_sound_that_some_service_took_is_told():
    lab = early(audio_before_answer="queue")
    lab.workspace.configure(lab.workspace.settings.model_copy(update={"audio_before_answer": "refuse"}))
    finding = found_in(lab)["audio-before-connected"]
    assert finding.what == "1 message, the first 1,500 ms early"


# --- acknowledgments -------------------------------------------------------------------------------------------------


async def test_a_client_that_asks_for_no_acknowledgment_is_told(client):
    await client.answered()
    for _ in range(3):
        await client.send("audio", ack=False)
    await client.send("hangup")
    finding = client.found()["acks-not-asked"]
    assert finding.what == "none of 3 `audio` messages asked for its acknowledgment"
    assert finding.level == "warning"


async def test_a_client_that_asks_for_the_last_one_alone_is_not(client):
    await client.answered()
    for _ in range(5):
        await client.send("audio", ack=False)
    await client.send("audio")
    await client.send("hangup")
    assert not client.found().keys() & NEW


async def test_a_client_that_goes_on_after_a_refusal_is_told_what_the_acknowledgment_had_said(client):
    await (await client.place()).join()
    for _ in range(10):
        await client.send("audio")
        await client.advance(100)
    await client.send("hangup")
    finding = client.found()["acks-ignored"]
    assert finding.what == "4 messages more after the acknowledgment had said 'Call is not connected'"
    assert finding.level == "warning"


async def test_a_client_that_stops_at_the_first_refusal_is_not(client):
    await (await client.place()).join()
    for _ in range(4):  # on their way when the first acknowledgment came
        await client.send("audio")
        await client.advance(100)
    await client.advance(600)
    await client.send("audio")
    await client.send("hangup")
    assert not client.found().keys() & NEW


def test_nor_one_that_sends_again_what_a_full_queue_refused():
    lab = Lab()
    lab.connected()
    for _ in range(20):
        lab.workspace.refuse_audio("s", 2_560, "The playback queue is full: 600.0 s wait")
        lab.advance(1_000)
    lab.workspace.hang_up("s")
    assert "acks-ignored" not in found_in(lab)


# --- checkpoints -----------------------------------------------------------------------------------------------------


def spoken(*marks: int, again: int | None = None) -> Lab:
    """A client that speaks for half a second, sends checkpoints so many ms later, and perhaps speaks again."""
    lab = lab_of([Ring(0, setup=0), Answer(), Wait(30)])
    lab.call().advance(20)
    lab.workspace.play("s", read_audio("fixtures/clips/hello.wav")[:4_800])
    now = 0
    for mark in marks:
        lab.advance(mark - now).workspace.mark("s", "said")
        now = mark
    if again is not None:
        lab.advance(again).workspace.play("s", read_audio("fixtures/clips/hello.wav")[:4_800])
    lab.advance(3_000).workspace.hang_up("s")
    return lab


def test_a_checkpoint_long_after_its_sound_is_told_by_how_much():
    finding = found_in(spoken(2_400))["checkpoint-late"]
    assert finding.what == "1 checkpoint, the first of them 'said', 1,880 ms after its sound had been heard"
    assert finding.level == "warning"


@pytest.mark.parametrize(
    "lab",
    [
        pytest.param(lambda: spoken(0), id="right behind it"),
        pytest.param(lambda: spoken(1_200), id="a little late"),
        pytest.param(lambda: spoken(0, 5_000), id="behind one that came in time"),
        pytest.param(lambda: spoken(5_000, again=100), id="right before other sound"),
        pytest.param(spoken, id="none"),
    ],
)
def test_other_checkpoints_are_not(lab):
    assert "checkpoint-late" not in found_in(lab())


# --- coming back -----------------------------------------------------------------------------------------------------


async def test_a_client_that_comes_back_and_does_not_join_again_is_told(client):
    await client.answered()
    await client.lose()
    await client.advance(1_000)
    await client.connect()
    await client.advance(5_000)
    await client.send("audio")
    await client.send("hangup")
    finding = client.found()["not-rejoined"]
    assert finding.what == (
        "the client came back after 1.0 s and did not join again: it heard nothing for 5.0 s, and sent 1 message"
    )
    assert finding.level == "warning"


async def test_a_client_that_joins_again_is_not(client):
    await client.answered()
    await client.lose()
    await client.advance(1_000)
    await client.connect()
    await client.join()
    await client.advance(5_000)
    await client.send("hangup")
    assert not client.found().keys() & NEW


async def test_a_client_that_comes_back_to_hang_up_is_not(client):
    await client.answered()
    await client.lose()
    await client.connect()
    await client.advance(5_000)
    await client.send("hangup")
    assert not client.found().keys() & NEW


# --- leaving ---------------------------------------------------------------------------------------------------------


async def test_a_client_that_leaves_its_call_to_itself_is_told(client):
    await client.answered()
    await client.leave()
    await client.advance(60_000)
    finding = client.found()["left-running"]
    assert finding.what == "the client left, and the call went on without it for 60.0 s"
    assert finding.level == "warning"


async def test_a_client_that_was_lost_and_never_came_back_is_told(client):
    await client.answered()
    await client.lose()
    await client.advance(60_000)
    what = "the client was lost and never came back, and the call went on without it for 60.0 s"
    assert client.found()["left-running"].what == what


async def test_a_client_that_hangs_up_over_rest_when_it_has_left_is_not(client):
    await client.answered()
    await client.leave()
    await client.advance(5_000)
    await client.api.post("/pbx/hangup", {"sessionId": client.session})
    assert not client.found().keys() & NEW


async def test_nor_one_whose_connection_broke_shortly_before_the_callee_hung_up(client):
    await client.answered()
    await client.advance(50_000)
    await client.lose()
    await client.advance(10_000)
    assert not client.found().keys() & NEW


async def test_nor_one_that_a_fault_may_have_kept_away(client):
    await client.answered()
    client.workspace.note(client.session, FaultStruck("connect_refused", "its socket"))
    await client.lose()
    await client.advance(60_000)
    assert "left-running" not in client.found()


# --- what could not be tried -----------------------------------------------------------------------------------------


def test_a_call_in_real_time_with_its_sound_is_held_against_every_rule():
    lab = Lab(clock="real").call()
    assert untried(dossier_of(lab.workspace, "s")) == []


def test_what_could_not_be_tried_says_why():
    lab = Lab(recording_limit=0)
    lab.connected()
    told = {each.why: each.rules for each in untried(dossier_of(lab.workspace, "s"))}
    assert list(told) == [
        "what the client sent is not known",
        "the clock is manual, and nobody can keep pace with it",
    ]
    assert set().union(*told.values()) <= RULES.keys()


def test_echoes_and_refusals_alone_are_no_conduct():
    lab = lab_of([Ring(0, setup=0), Answer(), Echo()])
    lab.call().advance(20)
    lab.workspace.refuse_audio("s", 320, NotConnected.sentence)
    lab.workspace.hang_up("s")
    assert not found_in(lab).keys() & NEW
