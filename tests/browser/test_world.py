"""Directing the world from the console: dial plan, scenarios, faults, clock, settings, numbers; any of it as code."""

import asyncio
import json
import re
import shutil
import sys
from urllib.parse import quote

import pytest
from playwright.async_api import expect

PLAN, CLOCK, FAULTS, SETTINGS = (f"/__admin/{each}" for each in ("dialplan", "clock", "faults", "settings"))
HOSTILE = 'it\'s "quoted" $(touch owned) `id` \\ \\u0041\nnew line\ttab ${HOME} <b>é 漢字 😀</b> \u202e\u2028 %s {}'
TOKEN = "a'b\"c$(d)`e`\\f"
RUNNERS = {
    "curl": ("sh", "-c"),
    "python": (sys.executable, "-I", "-c"),
    "javascript": (shutil.which("node") or "node", "-e"),
}


@pytest.fixture
def ask(http):
    """`await ask(pbx, "GET", path, body)`: the data of a reply, of the workspace of the token "dev"."""

    async def ask(pbx, method: str, path: str, body=None):
        headers = {"Authorization": "Bearer dev"}
        async with http.request(method, pbx.url + path, json=body, headers=headers) as reply:
            envelope = await reply.json()
            assert envelope["status"] == 200, envelope
            return envelope["data"]

    return ask


async def until(check):
    """Return what `check` gives as soon as that is something; the test's timeout ends a wait in vain."""
    while not (found := await check()):
        await asyncio.sleep(0.02)
    return found


async def write(page, label: str, text: str) -> None:
    await page.get_by_label(label, exact=True).fill(text)


# --- as code ----------------------------------------------------------------------------------------------------------


async def run(*command: str, folder) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def snippet(page, language: str, request: dict, token: str = "dev") -> dict:
    return await page.evaluate(
        """async ([language, request, token]) => {
          const { snippet } = await import("/__console/copy.js");
          return snippet(language, JSON.parse(request), { api: { token, adminToken: null, base: location.origin } });
        }""",
        [language, json.dumps(request), token],
    )


@pytest.mark.parametrize("language", RUNNERS)
async def test_a_request_runs_as_it_was_copied_whatever_is_in_it(serve, console, tmp_path, language):
    if shutil.which(RUNNERS[language][0]) is None:
        pytest.skip(f"needs {RUNNERS[language][0]}")
    pbx = await serve()
    page = await console(pbx, token=quote(TOKEN))
    step = {"expect_checkpoint": {"name": HOSTILE, "within": 1.5, "otherwise": "go_on"}}
    request = {"method": "POST", "path": "/__admin/scenarios/check", "body": {"steps": [step, "hang_up"]}}
    code = await snippet(page, language, request, TOKEN)

    reply = json.loads(await run(*RUNNERS[language], code["copied"], folder=tmp_path))

    assert reply["data"]["steps"] == [step, "hang_up"]
    assert list(tmp_path.iterdir()) == []
    assert "•••" in code["shown"]
    assert "(d)" not in code["shown"]
    assert "\u202e" not in code["copied"]  # nothing is pasted that cannot be seen


@pytest.mark.parametrize("language", RUNNERS)
async def test_queries_and_refusals_are_shown_as_the_server_says_them(serve, console, tmp_path, language):
    if shutil.which(RUNNERS[language][0]) is None:
        pytest.skip(f"needs {RUNNERS[language][0]}")
    pbx = await serve()
    page = await console(pbx)
    query = [["filter.destination", f"$eq:{HOSTILE}"], ["limit", "5"]]
    found = await snippet(page, language, {"method": "GET", "path": "/cdr", "query": query})
    refused = await snippet(page, language, {"method": "PATCH", "path": SETTINGS, "body": {"__proto__": None}})

    page_of_records = json.loads(await run(*RUNNERS[language], found["copied"], folder=tmp_path))
    refusal = json.loads(await run(*RUNNERS[language], refused["copied"], folder=tmp_path))

    assert page_of_records["data"] == []
    assert refusal["status"] == 400


async def test_what_is_copied_has_the_token_and_what_is_shown_has_not(serve, console):
    pbx = await serve()
    page = await console(pbx, token="secret-token", path="#/world/plan")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    add = page.get_by_role("form", name="Add a rule")
    await add.get_by_label("Calls to").fill("0899*")

    await add.get_by_role("button", name="Copy as").click()
    code = add.get_by_label("this request as code")
    await code.get_by_role("button", name="Python").click()
    await expect(code.locator("pre")).to_contain_text("Bearer sec•••")
    await expect(code.locator("pre")).to_contain_text("0899*")
    await code.get_by_role("button", name="Copy", exact=True).click()
    await expect(code.get_by_role("status")).to_have_text("copied, with your token")
    copied = await page.evaluate("() => navigator.clipboard.readText()")
    assert "Bearer secret-token" in copied
    assert copied.startswith("import json")

    await page.keyboard.press("Escape")
    await expect(code).to_be_hidden()


# --- dial plan --------------------------------------------------------------------------------------------------------


async def test_a_dial_plan_is_checked_while_it_is_typed_and_applied(serve, console, ask):
    pbx = await serve()
    page = await console(pbx, path="#/world/plan")
    text = page.get_by_label("dial plan as YAML")
    await expect(text).to_have_value("rules: []\n")

    await text.fill('rules:\n  - number: "0896*"\n    scenario: humann\n')
    await expect(page.locator(".editor-problem")).to_contain_text("no scenario is called humann; did you mean human?")
    await expect(page.locator(".editor-mark")).to_be_visible()
    at = await page.locator(".editor-mark").bounding_box()
    top = await text.bounding_box()
    assert round((at["y"] - top["y"] - 10) / 20) == 2  # behind the third line
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()

    await text.fill(
        'rules:\n  - number: "0896*"\n    scenario: human # me\n  - number: "*"\n    weights: {busy: 3, echo: 1}\n'
    )
    await expect(page.locator(".editor-problem")).to_have_text("No mistake found.")
    await expect(page.locator(".editor-mark")).to_be_hidden()
    await page.get_by_role("button", name="Apply").click()

    rules = page.locator(".rules-list > li")
    await expect(rules).to_have_count(2)
    await expect(rules.nth(0)).to_contain_text("human")
    await expect(rules.nth(1)).to_contain_text("drawn: busy 75 %, echo 25 %")
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    plan = (await ask(pbx, "GET", PLAN))["plan"]
    assert plan["rules"][0] == {"number": "0896*", "scenario": "human"}

    await page.get_by_role("button", name="Back to the first plan").click()
    await expect(text).to_have_value("rules: []\n")
    assert (await ask(pbx, "GET", PLAN))["plan"] == {"rules": []}


async def test_rules_are_added_and_removed_and_another_hand_is_noticed(serve, console, ask):
    pbx = await serve()
    page = await console(pbx, path="#/world/plan")
    text = page.get_by_label("dial plan as YAML")
    rules = page.locator(".rules-list > li")
    add = page.get_by_role("form", name="Add a rule")
    await add.get_by_label("Calls to").fill("0812*")
    await add.get_by_label("are taken by").select_option("rings in this page")
    await add.get_by_role("button", name="Add in front").click()
    await expect(rules.nth(0)).to_contain_text("rings in this page")
    await expect(text).to_have_value("rules:\n  - number: 0812*\n    scenario: handset\n")

    await ask(pbx, "POST", f"{PLAN}/rules", {"number": "0813*", "scenario": [{"ring": 1}, "reject"]})
    await expect(rules.nth(0)).to_contain_text("ring 1, reject")

    await text.fill("rules: [] # mine")
    await ask(pbx, "POST", f"{PLAN}/rules", {"number": "0814*", "scenario": "busy"})
    await expect(rules).to_have_count(3)
    await expect(text).to_have_value("rules: [] # mine")
    await expect(page.get_by_text("Another hand has changed the plan meanwhile")).to_be_visible()

    await page.get_by_role("button", name="remove rule 2, 0813*").click()
    await expect(rules).to_have_count(2)
    numbers = [rule["number"] for rule in (await ask(pbx, "GET", PLAN))["plan"]["rules"]]
    assert numbers == ["0814*", "0812*"]


async def test_names_of_scenarios_are_text(serve, console, ask):
    pbx = await serve()
    name = "<img src=x onerror=alert(1)>"
    await ask(pbx, "PUT", PLAN, {"scenarios": {name: ["ring"]}, "rules": [{"number": "0896*", "scenario": name}]})
    page = await console(pbx, path="#/world/plan")
    await expect(page.locator(".rules-list > li")).to_contain_text(name)
    await page.evaluate("location.hash = '#/world/scenarios'")
    await expect(page.locator(".personas")).to_contain_text(name)
    assert await page.locator("main img").count() == 0


async def test_the_keyboard_indents_in_the_editor_and_leaves_it(serve, console):
    pbx = await serve()
    page = await console(pbx, path="#/world/scenarios")
    text = page.get_by_label("scenario as YAML")
    await text.fill("- ring\n- answer")
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Tab")
    await expect(text).to_have_value("  - ring\n  - answer")
    await page.keyboard.press("Shift+Tab")
    await expect(text).to_have_value("- ring\n- answer")
    await page.keyboard.press("Control+End")
    await page.keyboard.press("Enter")
    await page.keyboard.type("- play:")
    await page.keyboard.press("Enter")
    await page.keyboard.type("clip: hello")
    await expect(text).to_have_value("- ring\n- answer\n- play:\n  clip: hello")
    await page.keyboard.press("Control+Z")
    await expect(text).not_to_have_value("- ring\n- answer\n- play:\n  clip: hello")
    await expect(text).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(text).not_to_be_focused()


# --- scenarios --------------------------------------------------------------------------------------------------------


async def test_a_scenario_is_written_with_help_and_put_to_use(serve, console, ask):
    pbx = await serve()
    page = await console(pbx, path="#/world/scenarios")
    text = page.get_by_label("scenario as YAML")
    await text.fill("- ring\n- answr")
    await expect(page.locator(".editor-problem")).to_contain_text(
        "line 2, step 2 (answr): no such step; did you mean answer?"
    )
    await expect(page.get_by_role("button", name="Use it for these")).to_be_disabled()

    await text.fill("- ring")
    await page.get_by_role("button", name="insert answer", exact=True).click()
    await page.get_by_role("button", name="insert press", exact=True).click()
    await expect(text).to_have_value('- ring\n- answer\n- press: "1"')
    await expect(page.locator(".editor-problem")).to_have_text("No mistake found.")
    await page.get_by_label("Calls to").first.fill("0815*")
    await page.get_by_role("button", name="Use it for these").click()
    steps = ["ring", "answer", {"press": "1"}]

    async def rules():
        return (await ask(pbx, "GET", PLAN))["plan"]["rules"]

    assert await until(rules) == [{"number": "0815*", "scenario": steps}]


async def test_every_step_of_the_palette_is_right_as_it_is_inserted(serve, console):
    pbx = await serve()
    page = await console(pbx, path="#/world/scenarios")
    text = page.get_by_label("scenario as YAML")
    inserts = page.locator(".palette button")
    await expect(inserts.first).to_be_visible()
    await text.fill("")
    for index in range(await inserts.count()):
        await inserts.nth(index).click()
    await expect(page.locator(".editor-problem")).to_have_text("No mistake found.")
    for example in await page.get_by_role("group", name="examples").get_by_role("button").all():
        await example.click()
        await expect(page.locator(".editor-problem")).to_have_text("No mistake found.")


async def test_a_persona_calls_the_bot_and_goes_on_in_a_live_call(serve, console, ask):
    pbx = await serve()
    page = await console(pbx, path="#/world/scenarios")
    await page.get_by_role("button", name="use impatient", exact=True).click()
    await page.get_by_label("From").fill("081234567890")
    await page.get_by_role("button", name="Let it call my bot").click()
    await expect(page).to_have_url(re.compile("#/calls/."))
    await expect(page.locator(".world")).to_have_count(0)
    (call,) = (await ask(pbx, "GET", "/__admin/calls"))["calls"]
    assert (call["direction"], call["caller"], call["scenario"]) == ("inbound", "081234567890", "impatient")

    await page.evaluate("location.hash = '#/world/scenarios'")
    await page.get_by_role("button", name="use silent", exact=True).click()
    await expect(page.get_by_label("In the live call")).to_have_value(call["sessionId"])
    await page.get_by_role("button", name="Let it go on there").click()

    async def silent():
        return (await ask(pbx, "GET", f"/__admin/calls/{call['sessionId']}"))["scenario"] == "silent"

    await until(silent)


# --- faults -----------------------------------------------------------------------------------------------------------


async def test_a_fault_is_switched_on_strikes_and_is_switched_off(serve, console, ask, http):
    pbx = await serve()
    page = await console(pbx, path="#/world/faults")
    refuse = page.get_by_role("switch", name="Calls refused")
    await refuse.check()
    here = page.locator(".faults-set > li")
    await expect(here).to_contain_text("http_error")

    call = {"json": {"phoneNumber": "08000001000"}, "headers": {"Authorization": "Bearer dev"}}
    async with http.post(f"{pbx.url}/pbx/call", **call) as reply:
        assert reply.status == 503
    await expect(here).to_contain_text("struck 1×")

    await refuse.uncheck()
    await expect(here).to_contain_text("Nothing goes wrong on purpose.")
    async with http.post(f"{pbx.url}/pbx/call", **call) as reply:
        assert reply.status == 200


async def test_a_fault_is_set_by_its_form_and_a_switch_follows_another_hand(serve, console, ask):
    pbx = await serve()
    page = await console(pbx, path="#/world/faults")
    form = page.get_by_role("form", name="event_late")
    await form.get_by_label("event", exact=True).select_option("cdr")
    await form.get_by_label("seconds", exact=True).fill("soon")
    await form.get_by_role("button", name="set event_late").click()
    await expect(form.get_by_role("alert")).to_contain_text("seconds: expected")
    await form.get_by_label("seconds", exact=True).fill("1m30s")
    await form.get_by_text("When, and how often").click()
    await form.get_by_label("strike so often at most").fill("2")
    await form.get_by_role("button", name="set event_late").click()
    await expect(form.get_by_role("alert")).to_be_hidden()
    await expect(page.locator(".faults-set > li")).to_contain_text("event cdr, seconds 90 s, times 2")

    await ask(pbx, "POST", FAULTS, {"fault": "jitter"})
    await expect(page.get_by_role("switch", name="Jitter")).to_be_checked()
    await page.get_by_role("button", name="remove event_late, fault 1").click()
    await expect(page.locator(".faults-set > li")).to_have_count(1)
    await page.get_by_role("button", name="Remove all").click()
    await expect(page.get_by_role("switch", name="Jitter")).not_to_be_checked()
    assert (await ask(pbx, "GET", FAULTS))["faults"] == []


# --- clock and settings -----------------------------------------------------------------------------------------------


async def test_time_is_paused_stepped_and_goes_on(serve, console, ask):
    pbx = await serve(clock="5x")
    page = await console(pbx)
    top = page.locator("#clock")
    await expect(top.get_by_label("how time passes")).to_have_value("5x")
    await top.get_by_role("button", name="pause time").click()
    await expect(top.get_by_label("how time passes")).to_have_value("manual")
    before = (await ask(pbx, "GET", CLOCK))["nowMs"]

    await top.get_by_role("button", name="step +20 ms").click()
    await expect(top.get_by_role("button", name="step +1 s")).to_be_enabled()
    await top.get_by_role("button", name="step +1 s").click()
    await expect(top.get_by_role("button", name="step +1 s")).to_be_enabled()
    assert (await ask(pbx, "GET", CLOCK))["nowMs"] == before + 1_020

    await top.get_by_role("button", name="let time go on").click()
    await expect(top.get_by_label("how time passes")).to_have_value("5x")
    assert (await ask(pbx, "GET", CLOCK))["mode"] == "5x"


async def test_a_clock_is_stepped_to_the_next_deadline(serve, console, ask):
    pbx = await serve(clock="manual", dial_delay=7)
    page = await console(pbx, path="#/world/clock")
    await page.get_by_role("button", name="Next deadline", exact=True).click()
    await expect(page.locator("#notices")).to_contain_text("Nothing is due")
    await ask(pbx, "POST", "/pbx/call", {"phoneNumber": "08000000017"})
    before = (await ask(pbx, "GET", CLOCK))["nowMs"]
    await page.get_by_role("button", name="Next deadline", exact=True).click()

    async def stepped():
        return (await ask(pbx, "GET", CLOCK))["nowMs"] > before

    await until(stepped)


async def test_the_page_follows_a_clock_that_another_hand_sets(serve, console, ask):
    pbx = await serve()
    page = await console(pbx, path="#/world/clock")
    await expect(page.get_by_role("radio", name=re.compile("^Real"))).to_be_checked()
    await ask(pbx, "PUT", CLOCK, {"mode": "auto"})
    await expect(page.get_by_role("radio", name=re.compile("^Auto"))).to_be_checked()
    await page.get_by_label("Any other rate").fill("0.5x")
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.locator("#clock").get_by_label("how time passes")).to_have_value("0.5x")


async def test_switches_are_turned_and_a_reset_turns_them_back(serve, console, ask):
    pbx = await serve()
    page = await console(pbx, path="#/world/clock")
    ring = page.get_by_label("ring_limit", exact=True)
    await ring.fill("-3")
    await ring.press("Enter")
    await expect(page.get_by_text("ring_limit is not valid: expected at least 0")).to_be_visible()
    await ring.fill("12.5")
    await ring.press("Enter")
    await expect(page.get_by_text("ring_limit is not valid")).to_be_hidden()
    await page.get_by_label("audio_before_answer", exact=True).select_option("queue")
    await page.get_by_label("page_links", exact=True).check()
    await page.get_by_label("hangup_when_left", exact=True).fill("3")
    await page.get_by_label("hangup_when_left", exact=True).press("Enter")
    await expect(page.get_by_text("changed", exact=True).locator("visible=true")).to_have_count(4)
    told = (await ask(pbx, "GET", SETTINGS))["settings"]
    turned = ("ring_limit", "audio_before_answer", "page_links", "hangup_when_left")
    assert [told[name]["value"] for name in turned] == [12.5, "queue", True, 3]
    await page.get_by_role("button", name="hangup_when_left: default none").click()
    await expect(page.get_by_label("hangup_when_left", exact=True)).to_have_value("")
    await expect(page.get_by_label("phone_pattern", exact=True)).to_be_disabled()

    await page.get_by_role("button", name="Reset the workspace…").click()
    await page.get_by_role("button", name="Keep it").click()
    await expect(ring).to_have_value("12.5")
    await page.get_by_role("button", name="Reset the workspace…").click()
    await page.get_by_role("button", name="Reset", exact=True).click()
    await expect(ring).to_have_value("60")
    await expect(page.get_by_text("changed", exact=True).locator("visible=true")).to_have_count(0)


# --- numbers, and everybody -------------------------------------------------------------------------------------------


async def test_a_magic_number_leads_to_a_test_call(serve, console):
    pbx = await serve()
    page = await console(pbx, path="#/world/numbers")
    row = page.get_by_role("row").filter(has=page.get_by_text("08000000017", exact=True))
    await expect(row).to_contain_text("is busy: cause 17, Destination busy")
    await row.get_by_role("button", name="Call it: 08000000017").click()
    await expect(page).to_have_url(re.compile("#/try/08000000017$"))


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_tab_is_accessible(serve, console, accessible, ask, theme):
    pbx = await serve()
    await ask(pbx, "POST", f"{PLAN}/rules", {"number": "0896*", "scenario": "human"})
    await ask(pbx, "POST", FAULTS, {"fault": "http_error", "times": 1})
    page = await console(pbx, path="#/world/plan", theme=theme)
    for tab, there in (
        ("plan", page.locator(".rules-list code")),
        ("scenarios", page.locator(".palette code").first),
        ("faults", page.locator("form.fault").first),
        ("clock", page.locator(".setting").first),
        ("numbers", page.locator(".numbers code").first),
    ):
        await page.evaluate("tab => { location.hash = `#/world/${tab}`; }", tab)
        await expect(there).to_be_visible()
        await accessible(page)
        await page.locator("main .copy").first.click()
        await expect(page.locator(".copy-panel:popover-open pre")).to_be_visible()
        await accessible(page)
        await page.keyboard.press("Escape")
    await page.set_viewport_size({"width": 390, "height": 800})
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
