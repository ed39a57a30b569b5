"""The phone: a person in the page talks to a bot, by microphone, speaker, keys and buttons.

Wherever two talk to each other, the bot is the official JavaScript client.
"""

import asyncio
import base64
import re
import sys
import wave
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import numpy as np
import pytest
import pytest_asyncio
from browser.conftest import shown

from mockpbx.client import Client
from mockpbx.conformance.signals import Probe, samples_of
from mockpbx.contract.messages import CheckPointReached, DialStatusChange, DigitPressed
from mockpbx.contract.vocabulary import DTMF_DIGITS, Disposition
from mockpbx.domain.personas import ivr
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.runtime.clips import load

NUMBER = "089608675796"
OTHER = "089600000001"
BAND, FINE = 8_000, 16_000  # Hz: what calls are made of, and what sounds are compared at
MENU = Plan((Rule.of("0811*", Named("menu", ivr)),))
SPOKEN, READ = load("speech")[: 3 * BAND], load("menu")[: 2 * BAND]
PROBE, OTHER_PROBE = Probe(7, 2.0), Probe(8, 2.0)

#: The correlation from which on a piece of sound is the one that is known, and the share of a sound's pieces that make
#: it the known one. Of a sound that nobody made, less than FOREIGN is found.
SAME, ENOUGH, FOREIGN = 0.8, 0.5, 0.2

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
HEARD = """(first) => {
  let text = "";
  for (const each of new Uint8Array(Float32Array.from(heard.slice(first)).buffer)) text += String.fromCharCode(each);
  return btoa(text);
}"""
LEFT_OPEN = """() => [
  ...opened.contexts.filter((each) => each.state !== "closed").map(() => "a context"),
  ...opened.tracks.filter((each) => each.readyState !== "ended").map(() => "a track"),
  ...opened.sockets.filter((each) => each.readyState < 2).map(() => "a socket"),
]"""


def expect(locator):
    from playwright.async_api import expect

    return expect(locator)


@asynccontextmanager
async def connected(pbx):
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

    async def picks_up(self, call) -> None:
        """Pick up a call that another scenario speaks for."""
        await self.page.evaluate("id => { location.hash = `#/calls/${id}`; }", call.session_id)
        await self.page.locator("#main").get_by_role("button", name="Pick up").click()

    async def lets(self, persona: str) -> None:
        """Let a persona go on in the person's place."""
        await self.panel.get_by_text("Let something else speak").click()
        await self.panel.get_by_label("Let a persona go on").select_option(persona)
        await self.button("Go on").click()

    async def plays(self, clip: str) -> None:
        """Let a clip speak in the person's place."""
        await self.panel.get_by_text("Let something else speak").click()
        await self.panel.get_by_label("clip").fill(clip)
        await self.button("Play").click()

    async def hears(self, probe: Probe) -> tuple[np.ndarray, int]:
        """Listen until enough of a probe has come to the speaker. Returns what the speaker got, and its rate."""
        await self.page.wait_for_function("window.rate")
        rate = await self.page.evaluate("window.rate")
        sound = np.empty(0)

        async def listen(seconds: int) -> np.ndarray:
            nonlocal sound
            await self.page.wait_for_function("length => heard.length >= length", arg=len(sound) + seconds * rate)
            data = await self.page.evaluate(f"({HEARD})({len(sound)})")
            sound = np.concatenate([sound, np.frombuffer(base64.b64decode(data), dtype="<f4")])
            return sound

        return await found(samples_of(probe), listen, rate), rate


@pytest.fixture
def phone(console):
    """`await phone(pbx)`: a page whose doings are watched, and which rings for 0896…"""

    async def opened(pbx, *, pattern: str | None = "0896*", script: str = "", **options) -> Phone:
        page = await console(pbx, live=False, **options)
        console.forgive("The ScriptProcessorNode is deprecated")  # CSP lets nothing else listen from outside
        await page.add_init_script(WATCHED + script)
        await page.reload()
        await shown(page, "#/calls")
        each = Phone(page)
        if pattern:
            await each.rings_for(pattern)
        return each

    return opened


@pytest_asyncio.fixture(loop_scope="session")
async def crashing():
    """`await crashing(*options)`: a server in a process of its own that can be killed, and its address."""
    running = []

    async def start(*options: str) -> tuple[asyncio.subprocess.Process, str]:
        command = (sys.executable, "-m", "mockpbx", "serve", "--port", "0", "--database", ":memory:", *options)
        running.append(await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-3))
        async for line in running[-1].stdout:
            if address := re.search(rb"http://[\d.]+:\d+", line):
                return running[-1], address[0].decode()
        raise AssertionError("no server")

    yield start
    for process in running:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A microphone that says SPOKEN four times, half a second after it was opened."""
    path = tmp_path_factory.mktemp("microphone") / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, BAND, 0, "NONE", ""))
        file.writeframes(np.concatenate([np.zeros(BAND // 2), np.tile(SPOKEN, 4)]).astype("<i2").tobytes())
    return path


def recognised(known: np.ndarray, sound: np.ndarray, rate: int = BAND) -> float:
    """Return how much of a known sound is in another: the share of its pieces of 100 ms that are found there.

    Pieces, since a machine that is held up loses some of a sound, and then goes on.
    """
    known, sound = _fine(known, BAND), _fine(sound, rate)
    size = FINE // 10
    pieces = [piece for piece in np.split(known, range(size, len(known), size)) if np.abs(piece).max() > 1_000]
    energy = np.concatenate([[0], np.cumsum(sound**2)])
    energy = energy[size:] - energy[:-size]
    loud = energy > energy.max() / 1_000
    length = 1 << (len(sound) + size).bit_length()
    spectrum = np.fft.rfft(sound, length)

    def found(piece: np.ndarray) -> bool:
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, length)), length)[: len(energy)]
        return np.max(products[loud] / np.sqrt(energy[loud]), initial=0) > SAME * np.linalg.norm(piece)

    return sum(found(piece) for piece in pieces if len(piece) == size) / len(pieces)


def _fine(sound: np.ndarray, rate: int) -> np.ndarray:
    """Two devices do not take their samples at the same moments."""
    return np.fft.irfft(np.fft.rfft(sound.astype(float)), FINE * len(sound) // rate) * FINE / rate


async def found(known: np.ndarray, listen, rate: int = BAND) -> np.ndarray:
    """Listen until enough of a known sound has come; `listen(seconds)` returns all that came, once that is more."""
    sound = await listen(2)
    while (share := recognised(known, sound, rate)) < ENOUGH:
        assert len(sound) < len(known) + 15 * rate, f"{share:.0%} of it came"
        sound = await listen(1)
    return sound


async def hears(call, known: np.ndarray) -> np.ndarray:
    """Listen until enough of a known sound has come to the bot. Returns what came from here on."""
    sound = np.empty(0)

    async def listen(seconds: int) -> np.ndarray:
        nonlocal sound
        sound = np.concatenate([sound, await call.listened(50 * seconds)])
        return sound

    return await found(known, listen)


async def becomes_silent(call) -> None:
    """Listen until one and a half seconds are silent, which is soon."""
    await call.listens()
    for _ in range(5):
        sound = await call.listened(75)
        if not sound.any():
            return
    assert not sound.any()


async def becomes_loud(call) -> None:
    """Listen until Chromium's microphone beeps, as it does every second."""
    await call.listens()
    for _ in range(20):
        sound = await call.listened(25)
        if np.abs(sound).max() > 500:
            return
    assert np.abs(sound).max() > 500


# --- ringing ----------------------------------------------------------------------------------------------------------


async def test_a_call_rings_is_answered_and_hung_up_in_the_page(serve, phone, bot):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await expect(here.card).to_contain_text(NUMBER)
    assert await here.page.title() == f"☎ {NUMBER} rings"

    await here.answers()
    await call.told("dialStatus", status="Connected")
    await expect(here.panel.locator(".badge")).to_have_text("Connected")
    await expect(here.card).to_have_count(0)
    assert await here.page.title() == "Calls · mockpbx"
    assert await here.page.evaluate("wishes") == {
        "audio": {"echoCancellation": True, "noiseSuppression": True, "autoGainControl": True, "channelCount": 1}
    }
    await here.button("Hang up").click()
    record = await call.told("cdr")

    assert (record["disposition"], record["hangupBy"], record["hangupCauseCode"]) == ("ANSWERED", "CALLEE", 16)
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
    async with connected(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.button(button).click()
        record = await call.finished()

    assert (record.disposition, record.hangup_cause_code, record.answer_time) == (disposition, cause, None)
    await expect(here.panel).to_contain_text("Nothing rings.")
    await here.is_let_go()


async def test_two_calls_ring_and_one_is_answered(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with connected(pbx) as client:
        first, second = await client.place_call(NUMBER), await client.place_call(OTHER)
        await expect(here.card).to_have_count(2)
        assert await here.page.title() == "☎ 2 calls ring"

        await here.panel.get_by_role("region", name=f"{OTHER} rings").get_by_role("button", name="Answer").click()
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
    async with connected(pbx) as client:
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


async def test_the_microphone_is_heard_by_the_bot(serve, phone, bot, speech):
    pbx = await serve()
    here = await phone(pbx, microphone=speech)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await hears(call, SPOKEN)


async def test_what_nobody_said_is_not_recognised():
    assert recognised(READ, load("speech")) < FOREIGN
    assert recognised(SPOKEN, load("menu")) < FOREIGN


async def test_the_bot_is_heard_in_the_page(serve, phone, bot):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await call.told("dialStatus", status="Connected")
    await call.say(np.tile(samples_of(PROBE), 4))
    heard, rate = await here.hears(PROBE)

    assert recognised(samples_of(OTHER_PROBE), heard, rate) < FOREIGN


async def test_who_is_muted_is_silent(serve, phone, bot):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await becomes_loud(call)

    await here.button("Mute").click()
    await expect(here.voice).to_have_text("You are muted.")
    await becomes_silent(call)
    await here.button("Mute").click()
    await expect(here.voice).to_have_text("You talk.")
    await becomes_loud(call)


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_keys_go_both_ways(serve, phone, bot):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    for key in ("5", "star", "hash", "D"):
        await here.panel.get_by_role("group", name="keypad").get_by_role("button", name=key, exact=True).click()
    for key in "7#":
        await call.emit("dtmf", digit=key, duration=100)

    await call.told("dtmf", digit="D")
    assert call.digits() == "5*#D"
    await expect(here.panel.locator(".digits")).to_have_text("Bot pressed 7#")


async def test_every_key_is_on_the_keyboard(serve, phone):
    pbx = await serve()
    here = await phone(pbx)
    async with connected(pbx) as client:
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
    async with connected(pbx) as client:
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


async def test_a_clip_speaks_and_then_the_person_again(serve, phone, bot):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await here.plays("wrong-number")
    await expect(here.voice).to_have_text("Something speaks in your place; then it is you again.")
    await hears(call, load("wrong-number"))
    await expect(here.voice).to_have_text("You talk.")


async def test_a_person_takes_over_from_a_scenario_and_gives_the_call_back_to_a_persona(serve, phone, bot, speech):
    pbx = await serve(plan=MENU)
    here = await phone(pbx, pattern=None, microphone=speech)
    call = await (await bot(pbx)).call("081100000001")
    await here.picks_up(call)
    await expect(here.voice).to_have_text("You listen. The scenario speaks.")
    assert await here.page.evaluate("opened.tracks.length") == 0
    await hears(call, READ)

    await here.button("Talk").click()
    await expect(here.voice).to_have_text("You talk.")
    await call.listens()
    await call.listened(25)
    assert recognised(READ, await hears(call, SPOKEN)) < FOREIGN

    await here.lets("ivr")
    await expect(here.voice).to_have_text("You listen. The scenario speaks.")
    assert await here.page.evaluate("opened.tracks.every((each) => each.readyState === 'ended')")
    await call.listens()
    await call.listened(25)
    assert recognised(SPOKEN, await hears(call, READ)) < FOREIGN


async def test_who_puts_the_handset_down_is_silent_and_the_call_goes_on(serve, phone, bot):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await becomes_loud(call)

    await here.button("Put the handset down").click()
    await here.is_let_go()
    await becomes_silent(call)
    await here.picks_up(call)
    await here.button("Talk").click()
    await becomes_loud(call)


# --- what goes wrong --------------------------------------------------------------------------------------------------


async def test_another_page_holds_the_call(serve, phone, bot):
    pbx = await serve()
    here, there = await phone(pbx), await phone(pbx, pattern=None)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await there.picks_up(call)
    await expect(there.trouble).to_contain_text("Another page holds this call")

    await there.button("Take it over").click()
    await expect(there.voice).to_have_text("You talk.")
    await expect(here.trouble).to_contain_text("Another page took this call over.")
    assert await here.page.evaluate("opened.tracks.every((each) => each.readyState === 'ended')")
    await becomes_loud(call)

    await here.button("Leave it").click()
    await here.is_let_go()
    await there.button("Hang up").click()
    assert (await call.told("cdr"))["hangupBy"] == "CALLEE"


@pytest.mark.parametrize(
    ("microphone", "sentence"),
    [("denied", "does not let this page use the microphone"), ("missing", "There is no microphone")],
)
async def test_without_microphone_one_listens_and_plays(serve, phone, bot, microphone, sentence):
    pbx = await serve()
    here = await phone(pbx, microphone=microphone)
    call = await (await bot(pbx)).call(NUMBER)
    await here.button("Answer").click()
    await call.told("dialStatus", status="Connected")
    await expect(here.trouble).to_contain_text(sentence)
    await expect(here.button("Try the microphone again")).to_be_visible()

    await here.plays("goodbye")
    await hears(call, load("goodbye"))
    await becomes_silent(call)
    await call.say(np.tile(samples_of(PROBE), 4))
    await here.hears(PROBE)


async def test_a_page_from_another_host_says_how_to_get_sound(serve, phone):
    insecure = """
      Object.defineProperty(navigator, "mediaDevices", { value: undefined });
      Object.defineProperty(BaseAudioContext.prototype, "audioWorklet", { value: undefined });
    """
    pbx = await serve()
    here = await phone(pbx, script=insecure)
    async with connected(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.button("Answer").click()
        await call.until(DialStatusChange, status="Connected")
        await expect(here.trouble).to_contain_text("Open the console at http://localhost")
        await here.button("5").click()
        assert (await call.until(DigitPressed)).digit == "5"


async def test_a_clock_that_is_not_real_is_set(serve, phone):
    pbx = await serve(clock="2x")
    here = await phone(pbx)
    async with connected(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.button("Answer").click()
        await expect(here.trouble).to_contain_text("a person can only talk and listen in real time")

        await here.button("Set the clock to real time").click()
        await expect(here.voice).to_have_text("You talk.")
        await call.until(DialStatusChange, status="Connected")


async def test_a_clock_that_is_set_in_mid_call_is_set_back(serve, phone, bot, http):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await call.told("dialStatus", status="Connected")
    headers = {"Authorization": "Bearer dev"}
    async with http.put(f"{pbx.url}/__admin/clock", json={"mode": "20x"}, headers=headers) as reply:
        assert reply.ok
    await expect(here.trouble).to_contain_text("The clock is 20x, and a person can only talk and listen in real time")

    await here.button("Set the clock to real time").click()
    await expect(here.trouble).to_be_empty()
    await expect(here.button("Set the clock to real time")).to_have_count(0)
    await becomes_silent(call)
    await here.button("Talk").click()
    await expect(here.voice).to_have_text("You talk.")
    await becomes_loud(call)


async def test_the_bot_hangs_up(serve, phone, bot):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await call.told("dialStatus", status="Connected")
    await call.emit("hangup")
    assert (await call.told("cdr"))["hangupBy"] == "CALLER"

    await expect(here.panel).to_contain_text("Call completed successfully (16)")
    await here.is_let_go()


async def test_the_server_goes_and_comes_back(serve, phone, console):
    console.forgive("WebSocket connection to .* failed")
    pbx = await serve()
    here = await phone(pbx)
    port = int(re.search(r":(\d+)$", pbx.url)[1])
    async with connected(pbx) as client:
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
    rules = here.panel.get_by_role("list", name="numbers that ring here", include_hidden=True)
    await expect(rules.get_by_role("listitem", include_hidden=True)).to_have_count(0)  # of another server
    await here.button("Done").click()
    await here.rings_for("0896*")
    async with connected(again) as client:
        await client.place_call(NUMBER)
        await here.answers()


async def test_a_token_that_is_not_known_any_more_is_refused_on_the_handset(serve, phone, http, console, crashing):
    console.forgive("WebSocket connection to .* failed")
    server, url = await crashing("--token", "dev")
    here = await phone(url)
    headers = {"Authorization": "Bearer dev"}
    async with http.post(f"{url}/pbx/call", json={"phoneNumber": NUMBER}, headers=headers) as reply:
        assert reply.ok
    await here.answers()
    server.kill()
    await expect(here.trouble).to_contain_text("The server is gone.")

    again = await serve(port=urlsplit(url).port, token=("another",))
    await expect(here.trouble).to_contain_text("Authentication token is invalid")
    await here.button("Leave it").click()
    await here.is_let_go()
    await expect(here.page.locator("#state")).to_have_text("token refused · sign out and in again")
    await here.page.get_by_role("button", name="Sign out").click()
    await here.page.get_by_label("Token", exact=True).fill("another")
    await here.page.get_by_role("button", name="Open the console").click()
    await here.rings_for("0896*")
    async with Client(again.url, "another") as client:
        await client.place_call(NUMBER)
        await here.answers()


async def test_a_page_that_goes_leaves_the_call_alone(serve, phone, bot):
    pbx = await serve()
    here = await phone(pbx)
    call = await (await bot(pbx)).call(NUMBER)
    await here.answers()
    await becomes_loud(call)
    await here.page.goto("about:blank")
    await becomes_silent(call)
    await call.emit("hangup")
    assert (await call.told("cdr"))["hangupBy"] == "CALLER"


# --- for everybody ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("theme", "width"), [("light", 1_440), ("dark", 390)])
async def test_it_is_accessible_in_each_state(serve, phone, accessible, theme, width):
    pbx = await serve()
    here = await phone(pbx, theme=theme, width=width, pattern=None)
    if width < 760:
        await here.panel.get_by_text("Numbers that ring here").click()
    await here.rings_for("0896*")
    await accessible(here.page)
    async with connected(pbx) as client:
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
