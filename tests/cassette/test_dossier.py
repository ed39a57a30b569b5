"""Cassettes as calls: any server's recording is judged by the rules that judge the emulator's own calls."""

import numpy as np
from testing.bot import Bot

from mockpbx.cassette.dossier import dossiers, heard
from mockpbx.cassette.lines import Body, Cassette, Closed, End, Header, Opened, Packet, Reply, Request
from mockpbx.cassette.tape import read_cassette
from mockpbx.domain import events as e
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.domain.scenario import Answer, Ring, Silence
from mockpbx.evidence.dossier import Dossier, dossier_of
from mockpbx.evidence.findings import findings, stray
from mockpbx.evidence.untried import untried
from mockpbx.media.facts import CheckpointQueued, CheckpointReached, MediaStopped
from mockpbx.media.pcm import to_bytes
from mockpbx.media.wav import read_audio

SPEECH = to_bytes(read_audio("fixtures/clips/speech.wav"))
PACKET = 2_560  # bytes of 160 ms


class Tape:
    """A cassette that is made up: one call, `after` so many ms the next thing happens."""

    def __init__(self) -> None:
        self.lines, self.now, self.acks, self.sockets = [], 0.0, 0, 0
        self.session = "s"

    def after(self, ms: float) -> "Tape":
        self.now += ms
        return self

    def open(self) -> "Tape":
        self.sockets += 1
        self.lines.append(Opened(self.now, self.sockets, "t1"))
        return self

    def place(self) -> "Tape":
        request = Request(self.now, 1, "POST", "/pbx/call", "t1", body=Body({"phoneNumber": "089608675796"}))
        reply = {"status": 200, "errors": "", "data": {"phoneNumber": "089608675796", "sessionId": self.session}}
        self.lines += [request, Reply(self.now + 5, 1, 200, body=Body(reply))]
        return self.after(5).server("newSession", type="outbound")

    def server(self, event: str, **fields) -> "Tape":
        payload = {"sessionId": self.session, **fields}
        self.lines.append(Packet(self.now, self.sockets, "server", "event", [payload], event=event))
        return self

    def client(self, event: str, *, number: int | None = None, **fields) -> "Tape":
        payload = {"sessionId": self.session, **fields}
        self.lines.append(Packet(self.now, self.sockets, "client", "event", [payload], number, event))
        return self

    def audio(self, data: bytes = bytes(PACKET), *, error: str | None = None, ack: bool = True) -> "Tape":
        self.acks += 1
        self.client("audio", number=self.acks if ack else None, audioData=data, audioFormat="pcm16")
        answer = {"success": error is None, "error": error}
        if ack:
            self.lines.append(Packet(self.now + 3, self.sockets, "server", "ack", [answer], self.acks))
        return self

    def join(self) -> "Tape":
        return self.client("joinRoom").after(4).server("roomJoined", status="success")

    def answered(self) -> "Tape":
        """Two seconds of ringing, and a client that joined."""
        self.open().place().join().server("dialStatus", status="Dialing").after(500)
        return self.server("dialStatus", status="Ringing").after(1_500).server("dialStatus", status="Connected")

    def say(self, seconds: float) -> "Tape":
        for start in range(0, int(seconds * 16_000), PACKET):
            self.audio(SPEECH[start : start + PACKET]).after(160)
        return self

    def hang_up(self) -> "Tape":
        return self.client("hangup").after(10).server("hangup").after(2_000).server("cdr", **RECORD)

    def close(self, code: int = 1000, by: str = "client") -> "Tape":
        self.lines.append(Closed(self.now, self.sockets, by, code))
        return self

    def cassette(self, cut: str | None = None) -> Cassette:
        return Cassette(
            Header("2026-11-23T08:00:00.000Z", "https://pbx.test", "0.1.0"),
            (*self.lines, *([End(self.now)] if cut is None else [])),
            cut,
        )

    def dossier(self, cut: str | None = None):
        (dossier,) = dossiers(self.cassette(cut))
        return dossier

    def found(self, cut: str | None = None) -> dict[str, object]:
        return {finding.id: finding for finding in findings(self.dossier(cut))}


RECORD = {
    "destination": "089608675796",
    "disposition": "ANSWERED",
    "hangupBy": "CALLER",
    "hangupCauseCode": 16,
}


def exception(tape: Tape, message: str) -> Packet:
    return Packet(tape.now, 1, "server", "event", [{"status": "error", "message": message}], event="exception")


def marked(tape: Tape) -> Tape:
    return tape.client("checkPoint", name="said").after(400).server("checkPoint", name="said")


def test_a_good_client_is_told_nothing():
    tape = marked(Tape().answered().after(100).say(3)).after(300).hang_up().close()
    assert tape.found() == {}
    dossier = tape.dossier()
    assert (dossier.call.number, dossier.call.status, dossier.record.hangup_by) == ("089608675796", "Ended", "CALLER")
    assert dossier.connected_at == 2_009
    assert [each.why for each in untried(dossier)] == ["what the other end was to do is not known"]


def test_the_sound_is_what_the_callee_must_have_heard():
    dossier = marked(Tape().answered().say(3)).hang_up().dossier()
    sent = np.frombuffer(SPEECH[: 19 * PACKET], "<i2")
    heard_of_it = np.trim_zeros(dossier.sound.client)
    assert np.array_equal(heard_of_it, np.trim_zeros(sent)[: len(heard_of_it)])
    assert sum(each.samples for each in dossier.sound.arrivals) == len(sent)


def test_refusals_are_the_servers_own_words():
    tape = Tape().open().place().join().audio(error="zu früh").after(900).server("dialStatus", status="Connected")
    finding = tape.after(5_000).hang_up().found()["audio-refused"]
    assert "zu früh" in finding.what


def test_events_that_a_server_refuses_are_told_by_its_exception():
    tape = Tape().answered().client("dtmf", digit="x", duration=200).after(5)
    tape.lines.append(exception(tape, "dtmf: no such key"))
    finding = tape.after(1_000).hang_up().found()["event-refused"]
    assert finding.what == "1 event refused: 'no such key': 'dtmf'"


def test_what_is_refused_behind_the_clients_own_hangup_is_no_fault():
    tape = marked(Tape().answered().say(1)).client("hangup").client("hangup").audio(error="over").after(5)
    tape.lines.append(exception(tape, "hangup: no such session"))
    assert tape.server("hangup").after(2_000).server("cdr", **RECORD).found() == {}


def test_audio_that_a_server_took_before_connected_is_told_all_the_same():
    tape = Tape().open().place().join().after(1_000).audio().after(1_000).server("dialStatus", status="Connected")
    finding = tape.after(3_000).hang_up().found()["audio-before-connected"]
    assert finding.what == "1 message, the first 1,000 ms early"


def test_what_is_sent_before_joining_is_told():
    tape = Tape().open().place().after(300).audio(error="Call is not connected").after(500).join()
    assert "sent-before-joining" in tape.after(500).hang_up().found()


def test_the_moment_of_joining_is_that_of_asking():
    tape = Tape().open().place().client("joinRoom").server("dialStatus", status="Connected").audio()
    tape.after(50).server("roomJoined", status="success")
    assert "sent-before-joining" not in marked(tape.after(300)).after(500).hang_up().found()


def test_no_wish_for_acknowledgments_is_seen():
    tape = Tape().answered()
    for _ in range(4):
        tape.audio(ack=False).after(160)
    assert "acks-not-asked" in marked(tape).hang_up().found()


def test_audio_after_the_end_is_told():
    tape = marked(Tape().answered().say(1)).server("hangup").after(900).audio(ack=False).after(160).audio()
    finding = tape.server("cdr", **RECORD).found()["audio-after-hangup"]
    assert finding.what == "2 messages until 1,060 ms after the end"


def test_a_hangup_in_mid_sentence_is_told_and_one_a_little_early_is_not():
    long = Tape().answered()
    long.audio(SPEECH[: 16 * PACKET])
    assert "audio-cut-at-hangup" in long.after(1_000).hang_up().found()
    short = Tape().answered()
    short.audio(SPEECH[: 16 * PACKET])
    assert "audio-cut-at-hangup" not in short.after(2_450).hang_up().found()


def test_a_checkpoint_that_came_back_early_puts_the_reckoning_right():
    tape = Tape().answered()
    tape.audio(SPEECH[: 16 * PACKET]).client("checkPoint", name="said").after(1_000).server("checkPoint", name="said")
    dossier = tape.hang_up().dossier()
    reached = dossier.first(CheckpointReached)
    assert reached.at - dossier.first(CheckpointQueued).at == 1_000
    assert dossier.first(MediaStopped).event.audio.discarded == 0


def test_a_client_that_comes_back_without_joining_is_told():
    tape = Tape().answered().close(1006, "server").after(1_000).open().after(5_000).audio().after(20).hang_up()
    assert "not-rejoined" in tape.found()
    again = Tape().answered().close(1006, "server").after(1_000).open().join().after(5_000).hang_up()
    assert again.found() == {}


def test_a_client_that_leaves_its_call_is_told():
    tape = Tape().answered()
    tape.lines.append(Packet(tape.now, 1, "client", "disconnect", []))
    tape.close().after(30_000)
    assert "call-left-open" in tape.found()
    assert "left-running" in tape.server("hangup").found()


def test_a_call_that_a_recording_leaves_off_is_not_held_to_be_open():
    tape = Tape().answered().after(3_000).server("dtmf", digit="1")
    assert tape.found() == {}
    assert "the recording stops before the call" in [each.why for each in untried(tape.dossier())]
    tape.close()
    assert tape.found(cut="line 9 is broken") == {}


def test_a_server_that_keeps_a_time_of_its_own_is_not_paced():
    tape = Tape().answered()
    tape.audio(SPEECH[: 16 * PACKET])
    for _ in range(500):
        tape.server("audio", audioData=bytes(320), audioFormat="pcm16")
    tape.after(40).hang_up()
    assert tape.found() == {}
    assert "audio-cut-at-hangup" in {rule for each in untried(tape.dossier()) for rule in each.rules}


def test_messages_for_sessions_that_never_were_belong_to_no_call():
    tape = Tape().open()
    tape.audio(error="no such session")
    told = heard(tape.cassette())
    assert told.dossiers == []
    assert [finding.id for finding in stray(told.strays)] == ["unknown-session"]


def test_sound_tells_that_a_call_is_connected_whoever_was_told():
    tape = Tape().open().place().after(5_000).join()
    tape.server("audio", audioData=bytes(320), audioFormat="pcm16").after(20).say(1)
    dossier = marked(tape).hang_up().dossier()
    assert dossier.connected_at == 5_009
    assert findings(dossier) == []


def test_two_clients_in_a_room_are_one_call():
    tape = Tape().answered().open().join().server("dialStatus", status="Connected").after(3_000)
    assert len(dossiers(tape.hang_up().cassette())) == 1


async def test_a_recorded_call_is_judged_as_the_emulator_judges_it_itself(serve, recording, tape):
    plan = Plan((Rule.of("*", Named("talk", (Ring(0, setup=0), Answer(), Silence()))),))
    pbx = await serve(plan=plan, record_delay=0)
    async with recording(pbx.url) as proxy:
        await Bot(proxy.url, "dev", speech=SPEECH[: 10 * PACKET]).call("089608675796")
    workspace = pbx.workspace_of("dev")
    own = dossier_of(workspace, workspace.calls.calls()[0].session_id)
    (told,) = dossiers(read_cassette(tape))
    held_up = {"media-slipped"}  # a busy machine's emulator tells of itself what no recording shows
    assert {finding.id for finding in findings(told)} == {"acks-not-asked"}
    assert {finding.id for finding in findings(own)} - held_up == {"acks-not-asked"}
    assert told.record.disposition == own.record.disposition
    assert kinds(told) == kinds(own)


def kinds(dossier: Dossier) -> list[str]:
    """What both sides know of: when the queue runs dry, for one, is reckoned."""
    telling = (e.CallPlaced, e.SessionAnnounced, e.RoomJoined, e.CallEnded, CheckpointQueued, CheckpointReached)
    return [entry.kind for entry in dossier.all(*telling)]
