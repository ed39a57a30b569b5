"""The table of the control API's routes: it registers the handlers and writes the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from mockpbx.adapters.control import console_messages as cm
from mockpbx.adapters.control import evidence_messages as em
from mockpbx.adapters.control import messages as m
from mockpbx.adapters.control import traffic_messages as tm
from mockpbx.adapters.control.gate import BASE
from mockpbx.runtime.settings import WorkspaceSettings

JSON = "application/json"
#: What answers a request to upgrade its connection.
WEBSOCKET = "websocket"
#: Routes that are asked under names of the asker's own making, by probes and by what collects figures: they tell a
#: word, or counts of the whole server.
UNDER_ANY_NAME = frozenset({"livez", "readyz", "metrics", "scrape"})


@dataclass(frozen=True, slots=True)
class Route:
    """One route: `{name}` in its path stands for one segment.

    `request` is the model of its body, None where none is read; `query` that of its query string; `reply` that of the
    envelope's `data`. A reply of another `media` type comes without envelope. `public` ones need no token at all.
    """

    id: str
    method: Literal["GET", "PUT", "PATCH", "POST", "DELETE"]
    path: str
    summary: str
    request: type[BaseModel] | None = None
    reply: type[BaseModel] | None = None
    query: type[m.Query] = m.Query
    public: bool = False
    media: str = JSON


ROUTES = (
    Route("health", "GET", f"{BASE}/health", "How the server is", None, m.Health, public=True),
    Route("livez", "GET", f"{BASE}/livez", "200 while the process runs", None, m.Alive, public=True),
    Route("readyz", "GET", f"{BASE}/readyz", "200 while calls are taken", None, m.Alive, public=True),
    Route("version", "GET", f"{BASE}/version", "Which mockpbx this is", None, m.Version, public=True),
    Route("document", "GET", f"{BASE}/control.json", "This document", public=True),
    Route("openapi", "GET", f"{BASE}/openapi.json", "The contract's REST operations, as OpenAPI 3.1", public=True),
    Route("asyncapi", "GET", f"{BASE}/asyncapi.json", "The contract's events, as AsyncAPI 3.0", public=True),
    Route("reference", "GET", f"{BASE}/reference", "The contract, to read", public=True, media="text/html"),
    Route("metrics", "GET", f"{BASE}/metrics", "Figures for Prometheus", public=True, media="text/plain"),
    Route("scrape", "GET", "/metrics", "The same, where Prometheus looks first", public=True, media="text/plain"),
    # --- how a workspace behaves
    Route("reset", "POST", f"{BASE}/reset", "Go back to how the workspace started", m.Nothing, m.Reset),
    Route("get_settings", "GET", f"{BASE}/settings", "Show every switch and knob", None, m.Settings),
    Route("turn_settings", "PATCH", f"{BASE}/settings", "Turn some of them", WorkspaceSettings, m.Settings),
    Route("get_plan", "GET", f"{BASE}/dialplan", "Show what numbers do", None, m.PlanReply),
    Route("put_plan", "PUT", f"{BASE}/dialplan", "Say what numbers do", m.PlanBody, m.PlanReply),
    Route("forget_plan", "DELETE", f"{BASE}/dialplan", "Go back to the first dial plan", None, m.PlanReply),
    Route("add_rule", "POST", f"{BASE}/dialplan/rules", "Put a rule in front of the others", m.RuleBody, m.PlanReply),
    Route(
        "check_plan",
        "POST",
        f"{BASE}/dialplan/check",
        "Check a dial plan that is not to be set",
        cm.PlanToCheck,
        m.PlanReply,
    ),
    Route("get_numbers", "GET", f"{BASE}/numbers", "List the magic numbers", None, cm.Numbers),
    Route("get_scenarios", "GET", f"{BASE}/scenarios", "List steps and personas", None, m.Scenarios),
    Route(
        "check_scenario", "POST", f"{BASE}/scenarios/check", "Check a scenario", m.ScenarioToCheck, m.CheckedScenario
    ),
    Route("list_faults", "GET", f"{BASE}/faults", "List the faults that are set", None, m.Faults),
    Route("add_fault", "POST", f"{BASE}/faults", "Set a fault", m.FaultBody, m.FaultAbout),
    Route("clear_faults", "DELETE", f"{BASE}/faults", "Remove all faults", None, m.Faults),
    Route("remove_fault", "DELETE", f"{BASE}/faults/{{id}}", "Remove a fault", None, m.Faults),
    Route("fault_catalogue", "GET", f"{BASE}/faults/catalogue", "List what may go wrong", None, m.FaultCatalogue),
    Route("get_clock", "GET", f"{BASE}/clock", "Show the workspace's time", None, m.ClockState),
    Route("set_clock", "PUT", f"{BASE}/clock", "Say how time passes", m.ClockBody, m.ClockState),
    Route("advance", "POST", f"{BASE}/clock/advance", "Step a clock that stands still", m.Advance, m.Advanced),
    # --- calls, and the other end of them by hand
    Route("list_calls", "GET", f"{BASE}/calls", "List calls, the newest first", None, m.Calls, m.CallsQuery),
    Route("ring", "POST", f"{BASE}/calls", "Let somebody call the client", m.Ring, m.Rung),
    Route("get_call", "GET", f"{BASE}/calls/{{id}}", "Show a call", None, m.CallDetail),
    Route("answer", "POST", f"{BASE}/calls/{{id}}/answer", "Answer it", m.Nothing, m.CallDetail),
    Route("hang_up", "POST", f"{BASE}/calls/{{id}}/hangup", "End it at the other end", m.HangUpByHand, m.CallDetail),
    Route("press", "POST", f"{BASE}/calls/{{id}}/press", "Press keys there", m.PressByHand, m.CallDetail),
    Route("play", "POST", f"{BASE}/calls/{{id}}/play", "Play a sound there", m.PlayByHand, m.CallDetail),
    Route("say", "POST", f"{BASE}/calls/{{id}}/say", "Say words there", m.SayByHand, m.CallDetail),
    Route(
        "perform", "POST", f"{BASE}/calls/{{id}}/scenario", "Let another scenario go on", m.ScenarioByHand, m.CallDetail
    ),
    Route(
        "handset",
        "GET",
        f"{BASE}/calls/{{id}}/handset",
        "Hear and talk there: a websocket whose first message shows the token",
        public=True,
        media=WEBSOCKET,
    ),
    Route("pulse", "POST", f"{BASE}/calls/pulse", "Show how calls sound just now", cm.PulseOf, cm.Pulse),
    Route(
        "recording", "GET", f"{BASE}/calls/{{id}}/recording.wav", "Hear callee left, client right", media="audio/wav"
    ),
    # --- what calls tell
    Route("await_call", "POST", f"{BASE}/calls/wait", "Await the next call", em.AwaitCall, m.CallSummary),
    Route("expect", "POST", f"{BASE}/calls/{{id}}/expect", "Await facts of a call, in order", em.Expect, em.Expected),
    Route("call_metrics", "GET", f"{BASE}/calls/{{id}}/metrics", "Show what was measured of it", None, em.CallMetrics),
    Route(
        "call_findings", "GET", f"{BASE}/calls/{{id}}/findings", "Show its findings", None, em.Findings, em.LevelQuery
    ),
    Route("findings", "GET", f"{BASE}/findings", "Show the findings of all calls", None, em.Findings, em.LevelQuery),
    Route("evidence_page", "GET", f"{BASE}/calls/{{id}}/evidence.html", "See a call on one page", media="text/html"),
    Route(
        "evidence_ticket",
        "POST",
        f"{BASE}/calls/{{id}}/evidence",
        "Let a browser open that page",
        m.Nothing,
        em.EvidenceTicket,
    ),
    Route(
        "evidence_lines",
        "GET",
        f"{BASE}/calls/{{id}}/evidence.jsonl",
        "Read its entries as lines of JSON",
        media="application/jsonl",
    ),
    # --- the journal
    Route("read_journal", "GET", f"{BASE}/journal", "Read facts, or await some", None, m.JournalPage, m.JournalQuery),
    Route(
        "stream_journal",
        "GET",
        f"{BASE}/journal/stream",
        "Follow facts",
        query=m.StreamQuery,
        media="text/event-stream",
    ),
    Route("find_entries", "POST", f"{BASE}/journal/find", "Find facts by pattern", m.Find, m.JournalPage),
    Route("count_entries", "POST", f"{BASE}/journal/count", "Count facts by pattern", m.Count, m.Counted),
    # --- what passed on the wire
    Route(
        "read_messages",
        "GET",
        f"{BASE}/messages",
        "Read what clients and service said, or await it",
        None,
        tm.MessagesPage,
        tm.MessagesQuery,
    ),
)
