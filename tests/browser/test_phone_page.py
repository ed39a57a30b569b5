"""What the phone tells of the call in hand: who speaks, whose it is, and what was in hand before a reload."""

import re
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from mockpbx.client import Client
from mockpbx.contract.messages import CallEnded, DialStatusChange
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Named, Plan, Rule

NUMBER = "089608675796"
RINGS = Plan((Rule.of("0896*", Named("handset", PERSONAS["handset"])),))


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
        self.voice = self.panel.locator(".voice")
        self.calls = page.get_by_role("listbox", name="Calls")

    def button(self, name: str):
        return self.panel.get_by_role("button", name=name, exact=True)

    async def answers(self, says: str = "You talk.") -> None:
        await self.button("Answer").click()
        await expect(self.voice).to_have_text(says)

    async def lets(self, persona: str) -> None:
        await self.panel.get_by_text("Let something else speak").click()
        await self.panel.get_by_label("Let a persona go on").select_option(persona)
        await self.button("Go on").click()


@pytest_asyncio.fixture(loop_scope="session")
async def pbx(serve):
    return await serve(plan=RINGS)


async def test_whoever_looks_sees_whether_a_person_talks(pbx, console):
    here = Phone(await console(pbx))
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await call.until(DialStatusChange, status="Connected")
        await expect(here.calls).to_contain_text("by hand · a person talks")

        there = Phone(await console(pbx, path=f"#/calls/{call.session_id}"))
        beside = there.page.get_by_role("region", name="Call")
        await expect(beside.locator("dl").first).to_contain_text("a person talks")
        await here.lets("echo")
        await expect(here.voice).to_have_text("You listen. The scenario speaks.")
        await expect(beside.locator("dl").first).to_contain_text("a person listens")
        await expect(here.calls).to_contain_text("echo · a person listens")
        await here.button("Talk").click()
        await expect(beside.locator("dl").first).to_contain_text("a person talks")
        await expect(beside).to_contain_text("something else speaks instead")
        await here.button("Put the handset down").click()
        await expect(beside.locator("dl").first).not_to_contain_text("a person")


@pytest.mark.parametrize("microphone", ["denied", "missing"])
async def test_where_nobody_speaks_it_says_so_and_one_button_leads_on(pbx, console, microphone):
    here = Phone(await console(pbx, microphone=microphone))
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers(says="You listen. Nobody speaks.")
        await call.until(DialStatusChange, status="Connected")
        await expect(here.button("Try the microphone again")).to_be_visible()
        await expect(here.button("Talk")).to_be_hidden()
        await expect(here.panel).to_contain_text("its tone goes out when it comes up")

        await here.button("Put the handset down").click()
        await here.page.evaluate("id => { location.hash = `#/calls/${id}`; }", call.session_id)
        await here.page.locator("#main").get_by_role("button", name="Pick up").click()
        await expect(here.voice).to_have_text("You listen. Nobody speaks.")
        await here.page.reload()
        await here.button("Pick it up again").click()
        await expect(here.voice).to_have_text("You listen. Nobody speaks.")
        await here.lets("echo")
        await expect(here.voice).to_have_text("You listen. The scenario speaks.")


async def test_a_reload_offers_the_call_that_was_in_hand(pbx, console):
    here = Phone(await console(pbx))
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await here.page.reload()
        await expect(here.panel).to_contain_text(f"You held {NUMBER}. The call goes on without you.")
        await here.button("Pick it up again").click()
        await expect(here.voice).to_have_text("You talk.")
        await expect(here.panel).not_to_contain_text("You held")

        await here.page.reload()
        await here.button("Leave it").click()
        await expect(here.panel).to_contain_text("Nothing rings.")
        await here.page.reload()
        await expect(here.panel).to_contain_text("Nothing rings.")
        await expect(here.calls).to_contain_text("Connected")
        await expect(here.panel).not_to_contain_text("You held")

        await here.page.evaluate("id => { location.hash = `#/calls/${id}`; }", call.session_id)
        await here.page.locator("#main").get_by_role("button", name="Pick up").click()
        await expect(here.voice).to_be_visible()
        await here.page.reload()
        await expect(here.panel).to_contain_text("You held")
        await call.hang_up()
        await call.until(CallEnded)
        await expect(here.panel).not_to_contain_text("You held")


async def test_the_offer_is_accessible(pbx, console, accessible):
    here = Phone(await console(pbx))
    async with bot(pbx) as client:
        await client.place_call(NUMBER)
        await here.answers()
        await here.page.reload()
        await expect(here.panel).to_contain_text("You held")
        await accessible(here.page)


async def test_a_call_in_hand_cannot_be_picked_up_once_more(pbx, console):
    here = Phone(await console(pbx))
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await here.answers()
        await here.page.evaluate("id => { location.hash = `#/calls/${id}`; }", call.session_id)
        await expect(here.page.locator("#main").get_by_role("button", name="In your hand")).to_be_disabled()
        await here.button("Put the handset down").click()
        await expect(here.page.locator("#main").get_by_role("button", name="Pick up")).to_be_enabled()


async def test_what_rings_here_already_is_not_asked_for_twice(pbx, console):
    here = Phone(await console(pbx))
    rules = here.panel.get_by_role("list", name="numbers that ring here").get_by_role("listitem")
    await expect(rules).to_have_count(1)
    await here.button("Ring here").click()
    await expect(here.panel).to_contain_text("Calls to 0896* ring here already.")
    await here.panel.get_by_role("textbox", name="Calls to").fill("0812*")
    await expect(here.panel).not_to_contain_text("already")
    await here.button("Ring here").click()
    await expect(rules).to_have_text([re.compile("0812"), re.compile("0896")])


async def test_a_call_that_vanished_keeps_its_number(pbx, console, http):
    here = Phone(await console(pbx))
    async with bot(pbx) as client:
        await client.place_call(NUMBER)
        await here.answers()
        async with http.post(f"{pbx.url}/__admin/reset", headers={"Authorization": "Bearer dev"}, json={}) as reply:
            assert reply.status == 200
        await expect(here.page.get_by_text("No calls yet.")).to_be_visible()

    await expect(here.panel.get_by_role("heading", name=NUMBER)).to_be_visible()
    await expect(here.panel.locator(".held .badge")).to_have_text("Ended")
    await expect(here.panel.get_by_role("link", name="Look at the call")).to_be_hidden()
    await expect(here.button("Done")).to_be_visible()
