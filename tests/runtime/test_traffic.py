"""The messages that a workspace keeps: numbered without a gap, bounded, and folded without losing count."""

import asyncio
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.runtime import traffic as module
from mockpbx.runtime.shortened import DEEPEST, LONGEST_TEXT, MOST, shortened, shortened_path
from mockpbx.runtime.traffic import Traffic

DAY = 86_400
FRAME = {"sessionId": "a", "audioData": bytes(320), "audioFormat": "pcm16"}


class Times:
    """Virtual and wall time, both by hand."""

    def __init__(self) -> None:
        self.now = 0
        self.wall = 1_000

    def traffic(self, age: float = DAY) -> Traffic:
        return Traffic(lambda: self.now, lambda: self.wall, age)

    def pass_(self, ms: int) -> None:
        self.now += ms
        self.wall += ms


def hear(traffic: Traffic, call: str | None, size: int = 2, error: str | None = None, client: str = "c") -> None:
    payload = {"sessionId": call, "audioData": bytes(size), "audioFormat": "pcm16"}
    traffic.audio(call, client, payload, size=size, audio_format="pcm16", error=error)


# --- any traffic ------------------------------------------------------------------------------------------------------

CALLS = st.sampled_from(["a", "b", None])
PASSING = st.one_of(
    st.tuples(st.just("event"), CALLS),
    st.tuples(st.just("request"), CALLS),
    st.tuples(st.just("audio"), CALLS, st.integers(0, 5_000), st.booleans()),
    st.tuples(st.just("frames"), st.sampled_from(["a", "b"]), st.integers(1, 50)),
    st.tuples(st.just("restart")),
)


def play(traffic: Traffic, rooms: dict, passing: tuple) -> None:
    match passing:
        case "event", call:
            traffic.event("out", "dialStatus", {"sessionId": call}, call=call)
        case "request", call:
            traffic.exchange("GET /cdr", 0, 1.5, call=call, payload=None, status=200, reply={"data": []}, error=None)
        case "audio", call, size, refused:
            hear(traffic, call, size, "Call is not connected" if refused else None)
        case "frames", call, count:
            rooms[call].count += count
        case ("restart",):
            traffic.restart()


def folded(messages: list, direction: str) -> list:
    return [message for message in messages if message.name == "audio" and message.direction == direction]


@given(st.lists(PASSING, max_size=60))
def test_whatever_passes_is_numbered_without_a_gap_and_counted_once(passed):
    times = Times()
    traffic = times.traffic()
    rooms = {call: traffic.open_room(call, FRAME, 320) for call in ("a", "b")}
    for passing in passed:
        times.pass_(1)
        play(traffic, rooms, passing)
    since = max((index + 1 for index, passing in enumerate(passed) if passing[0] == "restart"), default=0)
    passed = passed[since:]
    kept = traffic.after(0)
    assert [message.number for message in kept] == list(range(1, traffic.next))
    everything = [*kept, *traffic.growing()]
    assert sum(message.name != "audio" for message in everything) == sum(p[0] in ("event", "request") for p in passed)
    heard, said = folded(everything, "in"), folded(everything, "out")
    sent = [passing for passing in passed if passing[0] == "audio"]
    assert sum(message.count for message in heard) == len(sent)
    assert sum(message.bytes for message in heard) == sum(size for _, _, size, _ in sent)
    assert sum(message.refused for message in heard) == sum(refused for *_, refused in sent)
    frames = sum(passing[2] for passing in passed if passing[0] == "frames")
    assert (sum(message.count for message in said), sum(message.bytes for message in said)) == (frames, frames * 320)
    for call in ("a", "b", None):
        for direction in ("in", "out"):
            of_call = [m for m in everything if m.call == call and (m.name != "audio" or m.direction == direction)]
            assert not any(one.name == other.name == "audio" for one, other in pairwise(of_call))


@given(st.lists(st.integers(0, 1_000), max_size=60))
def test_what_is_kept_is_bounded_by_count_by_size_and_by_age(sizes):
    times = Times()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_MESSAGES", 20)
        patch.setattr(module, "MOST_BYTES", 12_000)
        traffic = times.traffic(age=10)
        for size in sizes:
            times.pass_(size % 7 * 300)
            traffic.event("in", "checkPoint", {"name": "x" * size})
            kept = traffic.after(0)
            assert kept[-1].number == traffic.next - 1
            assert kept[0].number == traffic.first
            assert len(kept) <= 20
            assert sum(message.size for message in kept) <= 12_000
            assert all(message.written >= times.wall - 10_000 for message in kept)
        times.pass_(11_000)
        assert (traffic.after(0), traffic.first) == ([], len(sizes) + 1)


# --- runs of sound ----------------------------------------------------------------------------------------------------


def test_a_run_ends_when_another_message_of_its_call_comes_and_stands_before_it():
    times = Times()
    traffic = times.traffic()
    room = traffic.open_room("a", FRAME, 320)
    traffic.event("out", "roomJoined", {"sessionId": "a"}, call="a")
    for _ in range(3):
        times.pass_(20)
        room.count += 1
        hear(traffic, "a", 2_560)
    traffic.event("in", "checkPoint", {"sessionId": "b"}, call="b")  # another call's ends nothing
    assert [(run.direction, run.count, run.number) for run in traffic.growing()] == [("in", 3, None), ("out", 3, None)]
    times.pass_(100)
    traffic.event("in", "checkPoint", {"sessionId": "a"}, call="a")
    told = [(m.number, m.name, m.direction, m.count, m.bytes, m.at, m.until) for m in traffic.after(2)]
    assert told == [
        (3, "audio", "out", 3, 960, 0, 160),
        (4, "audio", "in", 3, 7_680, 20, 60),
        (5, "checkPoint", "in", 1, 0, 160, 160),
    ]
    assert traffic.growing() == []


def test_a_run_tells_its_first_payload_its_last_refusal_its_formats_and_its_last_acknowledgment():
    traffic = Times().traffic()
    for number, (size, audio_format, error) in enumerate(
        [(320, "pcm16", None), (3, "alaw", "first"), (5, "pcm16", "last")]
    ):
        payload = {"audioData": bytes(size), "audioFormat": audio_format}
        run = traffic.audio("a", "me", payload, size=size, audio_format=audio_format, error=error)
        run.acknowledged({"number": number})
    (run,) = traffic.growing()
    assert json.loads(run.payload) == {"audioData": {"bytes": 320}, "audioFormat": "pcm16"}
    assert (run.refused, run.error, run.formats) == (2, "last", ("pcm16", "alaw"))
    assert (run.acks, json.loads(run.reply), run.client) == (3, {"number": 2}, "me")
    hear(traffic, "a", client="you")
    assert traffic.growing()[0].client is None  # two sockets share the call


def test_runs_of_sessions_that_somebody_makes_up_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(module, "MOST_RUNS", 3)
    traffic = Times().traffic()
    for number in range(10):
        hear(traffic, f"made up {number}")
    assert [run.call for run in traffic.growing()] == ["made up 7", "made up 8", "made up 9"]
    assert [message.call for message in traffic.after(0)] == [f"made up {number}" for number in range(7)]


def test_the_end_of_a_call_completes_its_sound():
    traffic = Times().traffic()
    traffic.open_room("a", FRAME, 320).count = 7
    hear(traffic, "a")
    traffic.close_room("a")
    assert {(message.direction, message.count) for message in traffic.after(0)} == {("out", 7), ("in", 1)}
    assert traffic.growing() == []
    traffic.close_room("a")
    assert traffic.next == 3


def test_a_reset_begins_anew_and_a_room_that_is_still_there_counts_from_there():
    times = Times()
    traffic = times.traffic()
    room = traffic.open_room("a", FRAME, 320)
    room.count += 5
    traffic.event("out", "hangup", {"sessionId": "a"}, call="a")
    room.count += 1
    started = traffic.started
    traffic.restart()
    assert traffic.started > started
    assert (traffic.after(0), traffic.growing(), traffic.next, traffic.first) == ([], [], 1, 1)
    room.count += 2
    assert [run.count for run in traffic.growing()] == [2]


async def test_who_waits_is_told_of_the_next_message_and_of_a_reset():
    traffic = Times().traffic()
    for happen in (lambda: traffic.event("in", "connect"), traffic.restart):
        grown = traffic.grown()
        hear(traffic, "a")  # a run that grows is no news
        assert not grown.done()
        happen()
        await asyncio.wait_for(grown, 1)
    left = traffic.grown()
    left.cancel()
    await asyncio.sleep(0)
    traffic.event("in", "connect")


# --- what is kept of a payload ----------------------------------------------------------------------------------------

TEXTS = st.text(max_size=30) | st.integers(80, 1_200).map("x".__mul__)
NUMBERS = st.integers() | st.just(10**400) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS


def values(leaves: st.SearchStrategy) -> st.SearchStrategy:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=9) | st.dictionaries(TEXTS, inner, max_size=9),
        max_leaves=30,
    )


@given(values(PLAIN | st.floats() | st.binary(max_size=50)))
def test_any_value_becomes_json_of_bounded_size(value):
    text, _ = shortened(value)
    json.loads(text, parse_constant=pytest.fail)
    assert len(text) <= 6 * (MOST + LONGEST_TEXT)  # each character may be an escape of six


@given(values(PLAIN))
def test_a_value_is_kept_as_it_is_or_said_to_be_shortened(value):
    text, cut = shortened(value)
    assert cut or json.loads(text) == value


@pytest.mark.parametrize(
    "value",
    ["x" * 1_000_000, ["x" * 900] * 1_000, [0] * 1_000_000, {str(number): number for number in range(100_000)}],
    ids=["text", "texts", "list", "object"],
)
def test_a_big_value_is_cut_and_says_so(value):
    text, cut = shortened(value)
    assert cut
    assert len(text) < 2 * MOST
    assert "more" in text


def test_a_deep_value_is_cut_and_says_so():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    text, cut = shortened(deep)
    assert (text, cut) == ("[" * DEEPEST + '"…"' + "]" * DEEPEST, True)


def test_binary_is_its_size_and_what_is_named_like_a_secret_is_not_kept():
    said = {"audioData": bytes(2_560), "token": "s3cret", "auth": {"accessToken": "s3cret", "api-key": "s3cret"}}
    text, cut = shortened(said)
    assert json.loads(text) == {
        "audioData": {"bytes": 2_560},
        "token": "…",
        "auth": {"accessToken": "…", "api-key": "…"},
    }
    assert not cut
    assert shortened_path("/cdr?page=2&token=s3cret&limit=1") == "/cdr?page=2&token=…&limit=1"
    assert len(shortened_path("/" + "x" * 20_000)) == LONGEST_TEXT + 1
