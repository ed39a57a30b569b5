"""Evidence read again: the dossier of a call out of its JSON lines, which hold its journal and no sound."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mockpbx.contract.errors import ConfigurationError, PBXError
from mockpbx.contract.vocabulary import Direction
from mockpbx.domain import events as e
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Named
from mockpbx.domain.scenario import STEPS
from mockpbx.evidence import measures
from mockpbx.evidence.dossier import Dossier, Replay, pacing_of
from mockpbx.media import facts
from mockpbx.runtime import entries
from mockpbx.runtime.callbook import CallView
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.journal_lines import names_of
from mockpbx.runtime.scenario_files import read_steps
from mockpbx.runtime.settings import WorkspaceSettings


def read_evidence(path: Path) -> Dossier:
    """Return the dossier of a `name.jsonl`, without sound. Raises ConfigurationError with one sentence."""
    try:
        with path.open(encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.strip()]
        return _dossier(*lines)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (PBXError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is no evidence of a call, or is broken ({type(error).__name__}: {str(error)[:80]}): expected the "
            ".jsonl that lies beside its page"
        ) from None


def _dossier(header: Mapping[str, Any], *lines: Mapping[str, Any]) -> Dossier:
    call, made = header["call"], header["replay"]
    kept = tuple(_entries(lines))
    ended = next((each.event.record for each in kept if isinstance(each.event, e.CallEnded)), None)
    view = CallView(
        call["sessionId"],
        call["number"],
        Direction(call["direction"]),
        call["caller"],
        call["scenario"],
        made["ordinal"],
        call["placedAt"],
        status=call["status"],
        joined=any(isinstance(each.event, e.RoomJoined) for each in kept),
        record=ended,
        cast=_cast(call["scenario"], made["plan"]),
    )
    replay = Replay(made["seed"], made["ordinal"], made["plan"], made["settings"])
    settings = WorkspaceSettings.model_validate(made["settings"])
    return Dossier(view, kept, bool(header["truncated"]), None, replay, settings, pacing=pacing_of(kept))


def _cast(name: str, plan: Mapping[str, Any] | None) -> Named | None:
    """Return what the other end was to do, if its file can tell."""
    if plan is None:
        return None
    scenario = plan["rules"][0]["scenario"]
    return Named(name, PERSONAS[scenario] if isinstance(scenario, str) else read_steps(scenario, "its plan"))


# --- facts -----------------------------------------------------------------------------------------------------------


def _entries(lines: tuple[Mapping[str, Any], ...]) -> Iterator[Entry]:
    """Return entries; a fact that this mockpbx does not know, as a later one may have written it, is passed over."""
    for line in lines:
        kind = _kinds().get(line["kind"])
        if kind is not None:
            yield Entry(
                line["number"], line["at"], line.get("wall", line["at"]), line["call"], _made(kind, line["data"])
            )


@cache
def _kinds() -> dict[str, type]:
    """Every kind of fact by its name."""
    modules: tuple[ModuleType, ...] = (e, facts, entries)
    kinds = {name: kind for module in modules for name, kind in vars(module).items() if is_dataclass(kind)}
    known: dict[str, Any] = kinds | {"FaultStruck": FaultStruck, "CallMeasured": measures.CallMeasured}
    return known


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _made(kind: Any, data: Mapping[str, Any]) -> Any:
    optional = {field.name for field in fields(kind) if (field.default, field.default_factory) != (MISSING, MISSING)}
    given = {
        name: _value(_hints(kind)[name], data[shown])
        for name, shown in names_of(kind)
        if shown in data or name not in optional
    }
    return kind(**given)


def _value(hint: Any, value: Any) -> Any:
    """Return a member of a line as its field has it."""
    if value is None or get_origin(hint) is Literal:
        return value
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return tuple(_value(inner, each) for each in value)
    choices = [each for each in get_args(hint) if each is not NoneType]
    if choices:
        steps = set(choices) <= set(STEPS.values())
        return read_steps([value], "a line")[0] if steps else _value(choices[0], value)
    if issubclass(hint, Enum):
        return hint(value)
    return _made(hint, value) if is_dataclass(hint) else value
