"""Test calls from the page: as the client, without any bot, and as somebody who calls one."""

import re

import numpy as np
import pytest
from browser.conftest import becomes
from playwright.async_api import expect

from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule

NUMBER = "081234567890"
EVIL = "<img src=x onerror=alert(1)>"
RATE = 8_000


def answering(*then: s.Step) -> Plan:
    """A dial plan of callees that answer at once."""
    return Plan((Rule.of("0812*", Named("answering", (s.Ring(0, setup=0), s.Answer(), *then))),))


async def place(page, number: str = NUMBER) -> None:
    await page.get_by_label("Number to call").fill(number)
    await page.get_by_role("button", name="Place call").click()


async def said(page) -> list[str]:
    """What the ladder says, but for sound: `socket out joinRoom`."""
    rows = await page.locator(".rung").evaluate_all(
        """rows => rows.map((row) => {
          const { via, way } = row.querySelector(".rung-says").dataset;
          return `${via} ${way} ${row.querySelector(".rung-what").textContent.trim()}`;
        })"""
    )
    return [row for row in rows if " audio " not in row]


def rung(page, text: str | re.Pattern):
    return page.locator(".rung-what", has_text=text)


def loudest(samples: np.ndarray) -> int:
    """The frequency of a sound in Hz."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return round(float(np.argmax(spectrum)) * RATE / len(samples))


async def test_a_call_without_a_bot_shows_the_contract_at_work(serve, console):
    pbx = await serve(dial_delay=60)
    page = await console(pbx, path="#/try")
    await page.get_by_text("Magic numbers").click()
    await page.get_by_role("button", name="answers and echoes").click()
    await page.get_by_role("button", name="Place call").click()
    await expect(page.locator(".try .badge")).to_have_text("Connected")

    await page.get_by_role("button", name="Beeps").click()
    await expect(rung(page, "188 messages · 30.00 s · pcm16 · 188 accepted")).to_be_visible()
    await page.get_by_label("Checkpoint", exact=True).fill("never reached")
    await page.get_by_role("button", name="Send checkpoint").click()
    await page.get_by_role("button", name="Interrupt").click()
    await page.get_by_label("Checkpoint", exact=True).fill(EVIL)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="send #").click()
    await expect(rung(page, "dtmf #")).to_have_count(2)
    await page.get_by_role("button", name="Hang up", exact=True).click()
    await expect(page.locator(".try-record")).to_contain_text("ANSWERED")

    [call] = pbx.workspace_of("dev").calls.calls()
    assert call.record.hangup_by == "CALLER"
    talk = await said(page)
    assert re.fullmatch(r"note in socket \S+ connected", talk[0])
    assert re.fullmatch(r"rest in 200 OK \d+ ms", talk[2])
    assert talk[1:2] + talk[3:] == [
        "rest out POST /pbx/call",
        "socket in newSession outbound",
        "socket out joinRoom",
        "socket in roomJoined success",
        *[f"socket in dialStatus {status}" for status in ("Dialing", "Ringing", "Connected")],
        "socket out checkPoint never reached",
        "socket out interruption",
        f"socket out checkPoint {EVIL}",
        f"socket in checkPoint {EVIL}",
        "socket out dtmf #, 200 ms",
        "socket in dtmf #",
        "socket out hangup",
        "socket in hangup",
        "socket in cdr ANSWERED · Call completed successfully",
    ]
    assert await page.locator("#main img").count() == 0


async def test_a_message_opens_to_its_payload(serve, console):
    page = await console(
        await serve(clock="10x", dial_delay=600, ring_limit=600, plan=answering(s.Wait(60))), path="#/try"
    )
    await place(page)
    await page.get_by_role("button", name="Tone").click()
    await rung(page, "13 accepted").click()
    payload = page.locator(".rung details[open] pre")
    await expect(payload).to_contain_text('"audioData": "2560 bytes"')
    await expect(payload).to_contain_text('"audioFormat": "pcm16"')


@pytest.mark.parametrize("audio_format", ["pcm16", "ulaw", "alaw"])
async def test_sound_goes_out_in_every_format(serve, console, audio_format):
    pbx = await serve(clock="10x", dial_delay=600, ring_limit=600, plan=answering(s.Wait(60)))
    page = await console(pbx, path="#/try")
    await place(page)
    await page.get_by_label("sent as").select_option(audio_format)
    await page.get_by_role("button", name="Tone").click()
    await page.get_by_role("button", name="Send checkpoint").click()
    await expect(rung(page, "checkPoint mark 1")).to_have_count(2)
    workspace = pbx.workspace_of("dev")
    [call] = workspace.calls.calls()
    client = workspace.recordings.find(call.session_id).sound().client
    frames = client.reshape(-1, 160)
    tone = frames[frames.any(axis=1)].ravel()  # a loaded machine may send with gaps between messages
    assert loudest(tone) == 440
    assert len(tone) == 2 * RATE
    assert np.abs(tone).max() == pytest.approx(0.35 * 32_767, rel=0.03)


async def test_what_is_refused_is_shown_with_its_reason(serve, console):
    page = await console(await serve(), path="#/try")
    await place(page, "12")
    await expect(page.locator(".try .problem").first).to_have_text("Invalid phone number format")
    await place(page, "08000000500")
    await expect(page.locator(".try .problem").first).to_have_text("Failed to initiate call")
    assert (await said(page))[-1] == "rest in 500 Failed to initiate call"
    await place(page, "08000000019")
    await expect(page.locator(".try .badge")).to_have_text("Ringing")
    await page.get_by_role("button", name="Chime").click()
    refusal = rung(page, "0 accepted · 10 refused: Call is not connected")
    await expect(refusal).to_be_visible()
    await page.get_by_role("button", name="Hang up by REST").click()
    await expect(page.locator(".try-record")).to_contain_text("CANCEL")


async def test_a_socket_that_is_refused_says_why(serve, console, http):
    pbx = await serve()
    page = await console(pbx, path="#/try")
    fault = {"fault": "connect_refused", "message": "No more sockets today", "times": 1}
    await http.post(f"{pbx.url}/__admin/faults", json=fault, headers={"Authorization": "Bearer dev"})
    await place(page)
    problem = page.locator(".try .problem").first
    await expect(problem).to_have_text("The socket was refused: No more sockets today")
    await place(page)
    await expect(problem).to_have_text("")
    await expect(page.locator(".try .badge")).to_have_text("Connected")


async def test_a_socket_that_is_lost_comes_back_into_the_call(serve, console, http):
    pbx = await serve(plan=answering(s.Wait(60)))
    page = await console(pbx, path="#/try")
    await place(page)
    await expect(page.locator(".try .badge")).to_have_text("Connected")
    fault = {"fault": "socket_dropped"}
    await http.post(f"{pbx.url}/__admin/faults", json=fault, headers={"Authorization": "Bearer dev"})
    await expect(rung(page, "roomJoined success")).to_have_count(2)
    assert "note in socket lost (transport close); it comes back by itself" in await said(page)
    await page.get_by_role("button", name="Hang up", exact=True).click()
    await expect(page.locator(".try-record")).to_be_visible()


async def test_the_microphone_speaks_and_the_callee_is_heard(serve, console):
    page = await console(await serve(plan=answering(s.Echo())), path="#/try")
    await place(page)
    await page.get_by_role("button", name="Microphone").click()
    await becomes(page, "document.querySelector('[aria-label=\"level of the microphone\"]').value > 0.1")
    await becomes(page, "document.querySelector('[aria-label=\"level of the callee\"]').value > 0.1")
    await expect(rung(page, re.compile(r"[1-9]\d* accepted"))).to_be_visible()
    await page.get_by_role("button", name="Microphone").click()
    await expect(page.get_by_role("button", name="Microphone")).to_have_attribute("aria-pressed", "false")
    await page.get_by_role("button", name="Hear the callee").click()
    await expect(page.locator("[aria-label='level of the callee']")).not_to_be_visible()


@pytest.mark.parametrize("microphone", ["denied", "missing"])
async def test_without_a_microphone_there_is_a_sentence_and_the_call_goes_on(serve, console, microphone):
    page = await console(await serve(plan=answering(s.Wait(60))), path="#/try", microphone=microphone)
    await place(page)
    await expect(page.locator(".try .badge")).to_have_text("Connected")
    await page.get_by_role("button", name="Microphone").click()
    await expect(page.locator(".try .problem:visible")).to_contain_text("microphone")
    await page.get_by_role("button", name="Chime").click()
    await expect(rung(page, "10 accepted")).to_be_visible()


async def test_a_call_goes_on_while_another_view_is_shown_and_its_socket_goes_with_it(serve, console):
    pbx = await serve(plan=answering(s.Wait(60)))
    page = await console(pbx, path="#/try")
    await place(page)
    await page.get_by_role("link", name="Look inside").click()
    await expect(page.locator("#main h1").first).to_have_text("Calls")
    [call] = pbx.workspace_of("dev").calls.calls()
    assert call.ended is None
    await page.locator('#nav a[data-view="try"]').click()
    await expect(rung(page, "dialStatus Connected")).to_be_visible()
    await page.get_by_role("button", name="Hang up", exact=True).click()
    await expect(page.locator(".try .badge")).to_have_text("Ended")
    await page.locator('#nav a[data-view="calls"]').click()
    await page.locator('#nav a[data-view="try"]').click()
    await expect(rung(page, "hangup")).to_have_count(2)
    assert (await said(page))[-2:] == ["socket out hangup", "socket in hangup"]
    await page.get_by_role("link", name="Call your bot").click()
    await expect(page.get_by_text("No client is connected: start your bot first")).to_be_visible()


async def test_the_address_presets_the_number(serve, console):
    page = await console(await serve(), path="#/try/08000001001")
    number = page.get_by_label("Number to call")
    await expect(number).to_have_value("08000001001")
    await page.evaluate("location.hash = '#/try/08000000017'")
    await expect(number).to_have_value("08000000017")


# --- the caller -------------------------------------------------------------------------------------------------------


async def test_somebody_calls_the_bot(serve, console, bot):
    pbx = await serve(clock="10x", dial_delay=600, ring_limit=600)
    page = await console(pbx, path="#/try/inbound")
    await expect(page.get_by_text("No client is connected: start your bot first")).to_be_visible()
    there = await bot(pbx)
    await expect(page.get_by_text("1 client of this workspace will be told of it.")).to_be_visible()
    await page.get_by_label("From, the caller").fill("+6281200001111")
    await page.get_by_label("The caller", exact=True).select_option("silent")
    await page.get_by_role("button", name="Call the bot").click()
    session = (await there.told("newSession", type="inbound"))["sessionId"]
    await there.told("dialStatus", status="Connected")
    await expect(page.get_by_text("The bot has answered.")).to_be_visible()
    await page.locator("#main").get_by_role("button", name="Hang up").click()
    record = await there.told("cdr", sessionId=session)
    assert (record["destination"], record["hangupBy"]) == ("02150001234", "CALLER")
    await expect(page.locator(".try-state")).to_have_text(re.compile(r"Over: ANSWERED, cause 16; ended by the caller"))


async def test_one_who_calls_in_person_is_given_the_phone_once_the_bot_is_there(serve, console, bot):
    pbx = await serve()
    page = await console(pbx, path="#/try/inbound")
    there = await bot(pbx)
    await page.get_by_role("button", name="Call the bot").click()
    session = (await there.told("newSession"))["sessionId"]
    hang_up = page.locator("#phone").get_by_role("button", name="Hang up", exact=True)
    await expect(hang_up).to_be_visible()
    await hang_up.click()
    assert (await there.told("cdr", sessionId=session))["hangupBy"] == "CALLER"


async def test_a_caller_that_cannot_be_is_refused_in_words(serve, console):
    page = await console(await serve(), path="#/try/inbound")
    await page.get_by_label("From, the caller").fill("nobody")
    await page.get_by_role("button", name="Call the bot").click()
    await expect(page.locator(".try .problem")).to_contain_text("from is not valid")


async def test_requests_are_offered_as_code(serve, console):
    page = await console(await serve(), path="#/try/08000001001")
    await page.get_by_role("button", name="Copy as").click()
    await expect(page.locator(".copy-panel pre")).to_contain_text('"phoneNumber": "08000001001"')
