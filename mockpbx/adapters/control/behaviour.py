"""How a workspace behaves: its switches, its dial plan, its scenarios, its clock, and the way back."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

from mockpbx.adapters.control import console_messages as cm
from mockpbx.adapters.control import messages as m
from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.emulator import Emulator
from mockpbx.adapters.control.paging import EVERYTHING, Answer, page_of
from mockpbx.adapters.control.scenarios import HERE, about, known_scenarios
from mockpbx.contract.errors import InvalidRequest
from mockpbx.domain.magic import MAGIC_NUMBERS
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Plan
from mockpbx.domain.scenario import STEPS, Scenario
from mockpbx.runtime.callee import CALLEES
from mockpbx.runtime.clock import clock_mode
from mockpbx.runtime.faults import catalogue, read_fault
from mockpbx.runtime.files.document import listed, written
from mockpbx.runtime.journal_lines import iso
from mockpbx.runtime.plan_files import notation_of, read_plan, read_plan_value
from mockpbx.runtime.scenario_files import notation, read_scenario, read_steps, scenario_schema
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings
from mockpbx.runtime.sounds import Within
from mockpbx.runtime.workspace import Workspace

#: Settings that only the server's start decides: a pattern may take for ever to match, a clock begins once.
AT_START = ("phone_pattern", "clock_start")
#: Settings that a workspace may lower, since they bound what it takes of the server's memory.
BOUNDED = ("journal_limit", "journal_age", "recording_limit", "playout_limit", "page_limit_max")
#: What errors name as the place of a plan that came in a request.
PLAN = "the dial plan"


class BehaviourHandlers:
    """Everything of a workspace that is not one of its calls."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by their routes' ids."""
        return {
            "reset": self._reset,
            "get_settings": self._get_settings,
            "turn_settings": self._turn_settings,
            "get_plan": self._get_plan,
            "put_plan": self._put_plan,
            "forget_plan": self._forget_plan,
            "add_rule": self._add_rule,
            "check_plan": self._check_plan,
            "get_numbers": self._get_numbers,
            "get_scenarios": self._get_scenarios,
            "check_scenario": self._check_scenario,
            "list_faults": self._list_faults,
            "add_fault": self._add_fault,
            "clear_faults": self._clear_faults,
            "remove_fault": self._remove_fault,
            "fault_catalogue": self._fault_catalogue,
            "get_clock": self._get_clock,
            "set_clock": self._set_clock,
            "advance": self._advance,
        }

    async def _reset(self, ask: Ask) -> Reply:
        workspace = ask.workspace
        workspace.wake()
        live = len(workspace.live_calls())
        workspace.reset()
        await self._emulator.settle(workspace)
        removed = await self._emulator.forget_records(workspace.key)
        return m.Reset(calls_ended=live, records_removed=removed, now=iso(workspace.clock.now()))

    # --- settings -----------------------------------------------------------------------------------------------------

    async def _get_settings(self, ask: Ask) -> Reply:
        return self._settings(ask.workspace)

    async def _turn_settings(self, ask: Ask) -> Reply:
        workspace, asked = ask.workspace, ask.body
        turned = {name: getattr(asked, name) for name in asked.model_fields_set}
        settings = workspace.settings.model_copy(update=turned)
        self._check_turned(settings, workspace.settings)
        workspace.configure(settings)
        return self._settings(workspace)

    def _check_turned(self, settings: WorkspaceSettings, before: WorkspaceSettings) -> None:
        """Refuse what only the operator may set: it could read the server's disk, or hold up its other workspaces."""
        first = self._emulator.workspace
        for name in AT_START:
            if getattr(settings, name) != getattr(before, name):
                raise InvalidRequest(f"{name} cannot be turned at run time: give it to the server at its start")
        for name in BOUNDED:
            most = getattr(first, name)
            if getattr(settings, name) > most:
                raise InvalidRequest(f"{name} may be {most} at most, as the server began with")
        callees = dict.fromkeys((*CALLEES, first.callee))
        if settings.callee not in callees:
            raise InvalidRequest(f"callee is not valid: expected {listed(callees)}; a dial plan can do more")

    def _settings(self, workspace: Workspace) -> m.Settings:
        now, first = (s.model_dump(mode="json") for s in (workspace.settings, self._emulator.workspace))
        default = WorkspaceSettings().model_dump(mode="json")
        settings = {
            name: m.Setting(
                value=now[name],
                default=default[name],
                description=field.description or "",
                changed=now[name] != first[name],
            )
            for name, field in WorkspaceSettings.model_fields.items()
        }
        return m.Settings(settings=settings, server=_server(self._emulator.server))

    # --- dial plan ----------------------------------------------------------------------------------------------------

    async def _get_plan(self, ask: Ask) -> Reply:
        return await _told(ask.workspace.dialplan.plan)

    async def _put_plan(self, ask: Ask) -> Reply:
        return await self._go_by(ask.workspace, await self._read_plan(ask.workspace, ask.body.root))

    async def _forget_plan(self, ask: Ask) -> Reply:
        return await self._go_by(ask.workspace, self._emulator.plan())

    async def _add_rule(self, ask: Ask) -> Reply:
        front = await self._read_plan(ask.workspace, {"rules": [ask.body.root]})
        ask.workspace.put_first(front)
        return await _told(ask.workspace.dialplan.plan)

    async def _check_plan(self, ask: Ask) -> Reply:
        workspace, body = ask.workspace, ask.body
        if len(body.model_fields_set) != 1:
            raise InvalidRequest('Send a dial plan either as {"plan": {"rules": [...]}}, or as {"yaml": "..."}')
        if body.yaml is None:
            return await _told(await self._read_plan(workspace, body.plan))
        known, sounds = self._known_to(workspace)
        return await _told(await asyncio.to_thread(read_plan, body.yaml, PLAN, None, known, sounds))

    async def _read_plan(self, workspace: Workspace, value: object) -> Plan:
        # Beside the event loop: its clips are read, its words spoken.
        return await asyncio.to_thread(read_plan_value, value, PLAN, *self._known_to(workspace))

    def _known_to(self, workspace: Workspace) -> tuple[dict[str, Scenario], Within]:
        """Return the scenarios and the sounds that a plan may name."""
        # What its own file has named stays known, so that a plan that was read here can be sent back.
        return known_scenarios(self._emulator.plan(), workspace.dialplan.plan), self._emulator.sounds(workspace)

    async def _go_by(self, workspace: Workspace, plan: Plan) -> Reply:
        workspace.set_plan(plan)
        return await _told(plan)

    async def _get_numbers(self, _: Ask) -> Reply:
        return _numbers()

    # --- scenarios ----------------------------------------------------------------------------------------------------

    async def _get_scenarios(self, _: Ask) -> Reply:
        return _scenarios()

    async def _check_scenario(self, ask: Ask) -> Reply:
        body = ask.body
        if (body.steps is None) is (body.yaml is None):
            raise InvalidRequest('Send a scenario either as a list of steps, {"steps": [...]}, or as {"yaml": "..."}')
        sounds = self._emulator.sounds(ask.workspace)
        if body.yaml is None:
            steps = await asyncio.to_thread(read_steps, body.steps, HERE, sounds)
        else:
            steps = await asyncio.to_thread(read_scenario, body.yaml, HERE, sounds)
        shortest = [notation(step) for step in steps]
        return m.CheckedScenario.model_validate({"steps": shortest, "yaml": written(shortest)})

    # --- faults -------------------------------------------------------------------------------------------------------

    async def _list_faults(self, ask: Ask) -> Reply:
        return {"faults": ask.workspace.faults.listing()}

    async def _add_fault(self, ask: Ask) -> Reply:
        rule = read_fault(ask.body.root)
        ask.workspace.wake()
        set_as = ask.workspace.faults.add(rule)
        (described,) = [fault for fault in ask.workspace.faults.listing() if fault["id"] == set_as]
        return described

    async def _clear_faults(self, ask: Ask) -> Reply:
        ask.workspace.faults.clear()
        return await self._list_faults(ask)

    async def _remove_fault(self, ask: Ask) -> Reply:
        ask.workspace.faults.remove(ask.names["id"])
        return await self._list_faults(ask)

    async def _fault_catalogue(self, _: Ask) -> Reply:
        return {"faults": catalogue()}

    # --- clock --------------------------------------------------------------------------------------------------------

    async def _get_clock(self, ask: Ask) -> Reply:
        return _clock(ask.workspace)

    async def _set_clock(self, ask: Ask) -> Reply:
        try:
            mode = clock_mode(ask.body.mode)
        except ValueError as error:
            raise InvalidRequest(f"mode is not valid: expected {error}, got {ask.body.mode[:40]!r}") from None
        ask.workspace.set_clock(mode.name)
        return _clock(ask.workspace)

    async def _advance(self, ask: Ask) -> Reply:
        workspace, transport = ask.workspace, ask.request.transport
        excerpt = await workspace.advance(ask.body.ms, lambda: transport is not None and not transport.is_closing())
        now = workspace.clock.now()
        happened, more = await page_of(Answer.of(excerpt, workspace.journal), EVERYTHING, m.MOST_ENTRIES)
        return {**happened, "now": iso(now), "nowMs": now, "more": more}


async def _told(plan: Plan) -> m.PlanReply:
    value = notation_of(plan)
    # Beside the event loop: a plan may have thousands of lines.
    return m.PlanReply.model_validate({"plan": value, "yaml": await asyncio.to_thread(written, value)})


def _clock(workspace: Workspace) -> m.ClockState:
    now = workspace.wake()
    due = workspace.next_deadline()
    return m.ClockState(
        mode=workspace.mode.name,
        now=iso(now),
        now_ms=now,
        rate=workspace.clock.rate,
        next_deadline=None if due is None else iso(due),
        until_next_ms=None if due is None else due - now,
    )


def _server(settings: ServerSettings) -> dict[str, Any]:
    """Return what anybody with a token may know of the server's settings: no secrets, and of its files the names."""
    shown = settings.model_dump(mode="json", exclude={"token", "admin_token"})
    files = {name: Path(shown[name]).name for name in ("database", "dialplan") if shown[name] is not None}
    return shown | files


@cache
def _numbers() -> cm.Numbers:
    return cm.Numbers(
        numbers=[
            cm.NumberAbout.model_validate(
                {
                    "number": magic.number,
                    "about": magic.about,
                    "cause": magic.cause,
                    "steps": [notation(step) for step in magic.steps],
                }
            )
            for magic in MAGIC_NUMBERS
        ]
    )


@cache
def _scenarios() -> m.Scenarios:
    schema = scenario_schema()
    words = schema["$defs"]["step"]["anyOf"][-1]["properties"]  # what may stand behind each
    return m.Scenarios(
        steps=[m.StepAbout(word=word, about=about(step), json_schema=words[word]) for word, step in STEPS.items()],
        personas=[m.PersonaAbout(name=name, about=about(persona)) for name, persona in PERSONAS.items()],
        json_schema=schema,
    )
