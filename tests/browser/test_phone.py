"""The phone: a person in the page talks to a bot, by microphone, speaker, keys and buttons."""

import base64
import re
import struct
import wave
from contextlib import asynccontextmanager

import numpy as np
import pytest

from mockpbx.client import Client
from mockpbx.conformance.signals import Probe, samples_of
from mockpbx.contract.messages import CalleeAudio, CheckPointReached, DialStatusChange, DigitPressed
from mockpbx.contract.vocabulary import DTMF_DIGITS, Disposition, Party
from mockpbx.runtime.clips import load

NUMBER = "089608675796"
OTHER = "089600000001"
BAND = 8_000  # Hz

#: Notes whatever the page opens that must not stay open, and lets a test listen to what goes to the speaker.
WATCHED = """
  window.opened = { contexts: [], tracks: [], sockets: [] };
  window.heard = [];
  const keep = (list, each) => (list.push(each), each);
  window.AudioContext = class extends AudioContext {
    constructor(...options) { super(...options); keep(opened.contexts, this); }
  };
  window.WebSocket = class extends WebSocket {
    constructor(address) { super(window.unplugged ? "/nowhere" : address); keep(opened.sockets, this); }
  };
  const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (ask) navigator.mediaDevices.getUserMedia = async (wishes) => {
    window.wishes = wishes;
    const stream = await ask(wishes);
    opened.tracks.push(...stream.getTracks());
    return stream;
  };
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...rest) {
    if (this instanceof AudioWorkletNode && this.numberOfInputs === 0 && to instanceof AudioDestinationNode) tap(this);
    return connect.call(this, to, ...rest);
  };
  function tap(node) {
    const listening = node.context.createScriptProcessor(4096, 1, 1);
    listening.onaudioprocess = ({ inputBuffer }) => heard.push(...inputBuffer.getChannelData(0));
    connect.call(node, listening);
    connect.call(listening, node.context.destination);
    window.rate = node.context.sampleRate;
  }
"""
LEFT_OPEN = """() => [
  ...opened.contexts.filter((each) => each.state !== "closed").map(() => "a context"),
  ...opened.tracks.filter((each) => each.readyState !== "ended").map(() => "a track"),
  ...opened.sockets.filter((each) => each.readyState < 2).map(() => "a socket"),
]"""


def expect(locator):
    from playwright.async_api import expect

    return expect(locator)


@asynccontextmanager
async def bot(pbx):
    async with Client(pbx.url, "dev") as client:
        yield client


class Phone:
    """The phone in a page, by what is written on it."""

    def __init__(self, page) -> None:
        self.page = page
        self.panel = page.get_by_role("complementary", name="Phone")
        self.card = self.panel.locator(".rings-card")
        self.voice = self.panel.locator(".voice")
        self.trouble = self.panel.get_by_role("alert")

    def button(self, name: str):
        return self.panel.get_by_role("button", name=name, exact=True)

    async def rings_for(self, pattern: str) -> None:
        await self.panel.get_by_role("textbox", name="Calls to").fill(pattern)
        await self.button("Ring here").click()
        await expect(self.panel.get_by_role("list", name="numbers that ring here")).to_contain_text(pattern)

    async def answers(self, says: str = "You talk.") -> None:
        await self.button("Answer").click()
        await expect(self.voice).to_have_text(says)

    async def is_let_go(self) -> None:
        await self.page.wait_for_function(f"({LEFT_OPEN})().length === 0")

    async def listens(self) -> None:
        """Hear from here on."""
        await self.page.evaluate("heard = []")

    async def heard(self, seconds: float) -> tuple[np.ndarray, int]:
        """Return what the speaker got, and its rate, once it is so long."""
        await self.page.wait_for_function("seconds => heard.length > seconds * window.rate", arg=seconds)
        data = await self.page.evaluate(
            """() => { let text = ""; for (const each of new Uint8Array(Float32Array.from(heard).buffer))
               text += String.fromCharCode(each); return btoa(text); }"""
        )
        return np.frombuffer(base64.b64decode(data), dtype="<f4"), await self.page.evaluate("window.rate")


@pytest.fixture
def phone(console):
    """`await phone(pbx)`: a page whose doings are watched, and which rings for 0896…"""

    async def opened(pbx, *, pattern: str | None = "0896*", script: str = "", **options) -> Phone:
        page = await console(pbx, **options)
        console.forgive("The ScriptProcessorNode is deprecated")  # CSP lets nothing else listen from outside
        await page.add_init_script(WATCHED + script)
        await page.reload()
        each = Phone(page)
        await expect(page.locator("#state")).to_have_attribute("data-state", "live")
        if pattern:
            await each.rings_for(pattern)
        return each

    return opened


def recognised(known: np.ndarray, sound: np.ndarray, rate: int = BAND) -> float:
    """Return how much of a known sound is in another: the share of its pieces of 100 ms that are found there.

    Pieces, since a machine that is held up loses some of a sound, and then goes on.
    """
    finer = 4 if rate == BAND else 1  # two devices do not take their samples at the same moments
    known, sound = _finer(known, finer), _finer(sound, finer)
    size = rate * finer // 10
    pieces = [piece for piece in np.split(known, range(size, len(known), size)) if np.abs(piece).max() > 1_000]
    energy = np.concatenate([[0], np.cumsum(sound**2)])
    energy = energy[size:] - energy[:-size]
    loud = energy > energy.max() / 1_000
    length = 1 << (len(sound) + size).bit_length()
    spectrum = np.fft.rfft(sound, length)

    def found(piece: np.ndarray) -> bool:
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, length)), length)[: len(energy)]
        return np.max(products[loud] / np.sqrt(energy[loud])) > 0.8 * np.linalg.norm(piece)

    return sum(found(piece) for piece in pieces if len(piece) == size) / len(pieces)


def _finer(sound: np.ndarray, times: int) -> np.ndarray:
    return np.fft.irfft(np.fft.rfft(sound.astype(float)), times * len(sound)) * times


async def listened(call, frames: int) -> np.ndarray:
    """Return the next frames that the bot hears."""
    sound = [(await call.until(CalleeAudio)).audio_data for _ in range(frames)]
    return np.frombuffer(b"".join(sound), dtype="<i2").astype(float)


async def hears(call, known: np.ndarray, share: float) -> None:
    """Listen until so much of a known sound has come to the bot."""
    sound = await listened(call, len(known) // 160 + 50)
    for _ in range(10):
        if recognised(known, sound) > share:
            return
        sound = np.concatenate([sound, await listened(call, 50)])
    assert recognised(known, sound) > share


# --- ringing ----------------------------------------------------------------------------------------------------------


async def test_a_call_rings_is_answered_and_hung_up_in_the_page(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await expect(here.card).to_contain_text(NUMBER)
        assert await here.page.title() == f"☎ {NUMBER} rings"

        await here.answers()
        await call.until(DialStatusChange, status="Connected")
        await expect(here.panel.locator(".badge")).to_have_text("Connected")
        await expect(here.card).to_have_count(0)
        assert await here.page.title() == "Calls · mockpbx"
        assert await here.page.evaluate("wishes") == {
            "audio": {"echoCancellation": True, "noiseSuppression": True, "autoGainControl": True, "channelCount": 1}
        }
        await here.button("Hang up").click()
        record = await call.finished()

    assert (record.disposition, record.hangup_by, record.hangup_cause_code) == (Disposition.ANSWERED, Party.CALLEE, 16)
    await expect(here.panel).to_contain_text("Call completed successfully (16)")
    await here.is_let_go()
    await here.button("Done").click()
    await expect(here.panel).to_contain_text("Nothing rings.")


@pytest.mark.parametrize(
    ("button", "disposition", "cause"),
    [("Decline", Disposition.NO_ANSWER, 21), ("Busy", Disposition.BUSY, 17)],
)
async def test_a_call_is_not_taken(serve, phone, button, disposition, cause):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.button(button).click()
        record = await call.finished()

    assert (record.disposition, record.hangup_cause_code, record.answer_time) == (disposition, cause, None)
    await expect(here.panel).to_contain_text("Nothing rings.")
    await here.is_let_go()


async def test_two_calls_ring_and_one_is_answered(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        first, second = await client.place_call(NUMBER), await client.place_call(OTHER)
        await expect(here.card).to_have_count(2)
        assert await here.page.title() == "☎ 2 calls ring"

        await here.card.nth(1).get_by_role("button", name="Answer").click()
        await second.until(DialStatusChange, status="Connected")
        await expect(here.card).to_have_count(1)
        await expect(here.card).to_contain_text(NUMBER)

        await here.button("Answer").click()
        await first.until(DialStatusChange, status="Connected")
        await second.hang_up()
        await second.finished()
        await expect(here.panel.locator("h3.number")).to_have_text(NUMBER)


async def test_the_bell_is_silenced_and_stays_so(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    bell = here.panel.get_by_role("button", name="ring aloud")
    await expect(bell).to_have_attribute("aria-pressed", "true")
    async with bot(pbx) as client:
        await client.place_call(NUMBER)
        await expect(here.card).to_be_visible()
        await here.page.wait_for_function("opened.contexts.length === 1")

        await bell.click()
        await here.is_let_go()
        await expect(here.card).to_be_visible()
        await here.page.reload()
        await expect(bell).to_have_attribute("aria-pressed", "false")


async def test_what_rings_here_is_shown_and_taken_back(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    await here.rings_for("0812*")
    rules = here.panel.get_by_role("list", name="numbers that ring here")

    await here.button("calls to 0896* do not ring here any more").click()
    await expect(rules.get_by_role("listitem")).to_have_count(1)
    await expect(rules).to_contain_text("0812*")
    await here.page.reload()
    await expect(rules).to_contain_text("0812*")


# --- sound ------------------------------------------------------------------------------------------------------------


async def test_the_microphone_is_heard_by_the_bot(serve, phone, tmp_path):
    spoken = load("speech")[: 4 * BAND]
    with wave.open(str(tmp_path / "speech.wav"), "wb") as file:
        file.setparams((1, 2, BAND, 0, "NONE", ""))
        file.writeframes(struct.pack("<8000h", *[0] * BAND) + spoken.astype("<i2").tobytes())
    pbx = await serve()
    here = await phone(pbx, microphone=tmp_path / "speech.wav")
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await call.until(DialStatusChange, status="Connected")
        await hears(call, spoken, 0.5)


async def test_what_nobody_said_is_not_recognised():
    assert recognised(load("menu")[: 4 * BAND], load("speech")) < 0.2


async def test_the_bot_is_heard_in_the_page(serve, phone):
    probe = Probe(7, 2.0)
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await call.until(DialStatusChange, status="Connected")
        await call.send_audio(samples_of(probe).tobytes())
        heard, rate = await here.heard(4)

    assert recognised(samples_of(probe, rate), heard, rate) > 0.4
    assert recognised(samples_of(Probe(8, 2.0), rate), heard, rate) < 0.1


async def test_who_is_muted_is_silent(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await call.until(DialStatusChange, status="Connected")
        assert np.abs(await listened(call, 100)).max() > 500  # Chromium's own microphone beeps

        await here.button("Mute").click()
        await expect(here.voice).to_have_text("You are muted.")
        await listened(call, 25)
        assert np.abs(await listened(call, 100)).max() == 0
        await here.button("Mute").click()
        await expect(here.voice).to_have_text("You talk.")
        assert np.abs(await listened(call, 100)).max() > 500


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_keys_go_both_ways(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        for key in ("5", "star", "hash", "D"):
            await here.panel.get_by_role("group", name="keypad").get_by_role("button", name=key, exact=True).click()
        pressed = [(await call.until(DigitPressed)).digit for _ in range(4)]
        await call.press("7")
        await call.press("#")

        assert pressed == ["5", "*", "#", "D"]
        await expect(here.panel.locator(".digits")).to_have_text("Bot pressed 7#")


async def test_every_key_is_on_the_keyboard(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        pressed = ""
        for key in DTMF_DIGITS:
            await here.page.keyboard.press(key.lower())
            pressed += (await call.until(DigitPressed)).digit
        assert pressed == DTMF_DIGITS

        # What is typed into a field is text.
        await here.panel.get_by_text("Let something else speak").click()
        await here.panel.get_by_label("clip").fill("")
        await here.panel.get_by_label("clip").press_sequentially("a1")
        await here.button("3").focus()
        await here.page.keyboard.press("9")
        assert (await call.until(DigitPressed)).digit == "9"


async def test_a_key_is_pressed_for_as_long_as_it_is_held(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await call.until(DialStatusChange, status="Connected")
        async with here.page.expect_request("**/press") as asked:
            await here.button("4").hover()
            await here.page.mouse.down()
            await call.send_audio(bytes(BAND * 2))  # a second
            await call.check_point("a second later")
            await call.until(CheckPointReached)
            await here.page.mouse.up()
        body = (await asked.value).post_data_json

        assert body["keys"] == "4"
        assert body["seconds"] >= 0.9
        assert (await call.until(DigitPressed)).digit == "4"


# --- who speaks -------------------------------------------------------------------------------------------------------


async def test_a_clip_speaks_and_then_the_person_again(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await here.panel.get_by_text("Let something else speak").click()
        await here.panel.get_by_label("clip").fill("wrong-number")
        await here.button("Play").click()
        await expect(here.voice).to_have_text("Something speaks in your place; then it is you again.")
        await hears(call, load("wrong-number"), 0.95)
        await expect(here.voice).to_have_text("You talk.")


async def test_a_persona_goes_on_and_is_interrupted(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await here.panel.get_by_text("Let something else speak").click()
        await here.panel.get_by_label("Let a persona go on").select_option("ivr")
        await here.button("Go on").click()
        await expect(here.voice).to_have_text("You listen. The scenario speaks.")
        menu = load("menu")[:BAND]
        await hears(call, menu, 0.95)

        await here.button("Talk").click()
        await expect(here.voice).to_have_text("You talk.")
        await listened(call, 25)
        assert recognised(menu, await listened(call, 150)) < 0.5


async def test_a_call_of_any_scenario_is_picked_up_from_the_list(serve, phone):
    pbx = await serve()
    here = await phone(pbx, pattern=None)
    async with bot(pbx) as client:
        call = await client.place_call("08000000100")
        await call.until(DialStatusChange, status="Ringing")
        await here.page.evaluate("id => { location.hash = `#/calls/${id}`; }", call.session_id)
        await here.page.locator("#main").get_by_role("button", name="Pick up").click()
        await call.until(DialStatusChange, status="Connected")
        await expect(here.voice).to_have_text("You listen. The scenario speaks.")
        assert await here.page.evaluate("opened.tracks.length") == 0

        await here.button("Talk").click()
        await expect(here.voice).to_have_text("You talk.")
        assert np.abs(await listened(call, 100)).max() > 500
        await here.button("Put the handset down").click()
        await here.is_let_go()
        assert np.abs((await listened(call, 100))[50 * 160 :]).max() == 0
        await call.hang_up()
        await call.finished()


# --- what goes wrong --------------------------------------------------------------------------------------------------


async def test_another_page_holds_the_call(serve, phone):
    pbx = await serve()
    here, there = await phone(pbx), await phone(pbx, pattern=None)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await there.page.evaluate("id => { location.hash = `#/calls/${id}`; }", call.session_id)
        await there.page.locator("#main").get_by_role("button", name="Pick up").click()
        await expect(there.trouble).to_contain_text("Another page holds this call")

        await there.button("Take it over").click()
        await expect(there.voice).to_have_text("You talk.")
        await expect(here.trouble).to_contain_text("Another page took this call over.")
        assert await here.page.evaluate("opened.tracks.every((each) => each.readyState === 'ended')")

        await here.button("Leave it").click()
        await here.is_let_go()
        await there.button("Hang up").click()
        assert (await call.finished()).hangup_by is Party.CALLEE


@pytest.mark.parametrize(
    ("microphone", "sentence"),
    [("denied", "does not let this page use the microphone"), ("missing", "There is no microphone")],
)
async def test_without_microphone_one_listens_and_plays(serve, phone, microphone, sentence):
    pbx = await serve()
    here = await phone(pbx, microphone=microphone)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.button("Answer").click()
        await call.until(DialStatusChange, status="Connected")
        await expect(here.trouble).to_contain_text(sentence)
        await expect(here.button("Try the microphone again")).to_be_visible()

        await here.panel.get_by_text("Let something else speak").click()
        await here.panel.get_by_label("clip").fill("goodbye")
        await here.button("Play").click()
        await hears(call, load("goodbye"), 0.95)

        await here.listens()
        await call.send_audio(samples_of(Probe(7, 1.0)).tobytes())
        heard, rate = await here.heard(4)
        assert recognised(samples_of(Probe(7, 1.0), rate), heard, rate) > 0.4


async def test_a_page_from_another_host_says_how_to_get_sound(serve, phone):
    insecure = """
      Object.defineProperty(navigator, "mediaDevices", { value: undefined });
      Object.defineProperty(BaseAudioContext.prototype, "audioWorklet", { value: undefined });
    """
    pbx = await serve()
    here = await phone(pbx, script=insecure)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.button("Answer").click()
        await call.until(DialStatusChange, status="Connected")
        await expect(here.trouble).to_contain_text("Open the console at http://localhost")
        await here.button("5").click()
        assert (await call.until(DigitPressed)).digit == "5"


async def test_a_clock_that_is_not_real_is_set(serve, phone):
    pbx = await serve(clock="2x")
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.button("Answer").click()
        await expect(here.trouble).to_contain_text("a person can only talk and listen in real time")

        await here.button("Set the clock to real time").click()
        await expect(here.voice).to_have_text("You talk.")
        await call.until(DialStatusChange, status="Connected")


async def test_the_bot_hangs_up(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await call.hang_up()
        assert (await call.finished()).hangup_by is Party.CALLER

    await expect(here.panel).to_contain_text("Call completed successfully (16)")
    await here.is_let_go()


async def test_the_server_goes_and_comes_back(serve, phone, console):
    console.forgive("WebSocket connection to .* failed")
    pbx = await serve()
    here = await phone(pbx)
    port = int(re.search(r":(\d+)$", pbx.url)[1])
    async with bot(pbx) as client:
        await client.place_call(NUMBER)
        await here.answers()
        # The network goes and comes back: the call went on.
        await here.page.evaluate("unplugged = true; opened.sockets.at(-1).close()")
        await expect(here.trouble).to_contain_text("The server is gone.")
        await here.page.evaluate("unplugged = false")
        await expect(here.voice).to_have_text("You talk.")
        await expect(here.trouble).to_be_empty()

    await pbx.stop()
    again = await serve(port=port)
    await expect(here.panel.locator(".held .badge")).to_have_text("Ended")
    await here.is_let_go()
    await here.button("Done").click()
    await here.rings_for("0896*")
    async with bot(again) as client:
        await client.place_call(NUMBER)
        await here.answers()


async def test_a_page_that_goes_leaves_the_call_alone(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await here.page.goto("about:blank")
        sound = await listened(call, 150)
        assert np.abs(sound[100 * 160 :]).max() == 0
        await call.hang_up()
        await call.finished()


# --- for everybody ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("theme", "width"), [("light", 1_440), ("dark", 390)])
async def test_it_is_accessible_in_each_state(serve, phone, accessible, theme, width):
    pbx = await serve()
    here = await phone(pbx, theme=theme, width=width, pattern=None)
    if width < 760:
        await here.panel.get_by_text("Numbers that ring here").click()
    await here.rings_for("0896*")
    await accessible(here.page)
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await expect(here.card).to_be_visible()
        await accessible(here.page)
        await here.answers()
        await here.panel.get_by_text("Let something else speak").click()
        await accessible(here.page)
        assert await here.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await call.hang_up()
        await call.finished()
        await expect(here.panel).to_contain_text("Call completed successfully")
        await accessible(here.page)
