"""The report as text: a table of servers and modes with ratios, the targets, what speaks against the figures."""

from __future__ import annotations

from dataclasses import asdict

from .search import Figures
from .suite import DOWNLINK
from .targets import Summary, Target, doubts, ratio, targets

_WORDS = {True: "met", False: "MISSED", None: "not measured"}
_HEADINGS = ("server", "uplink", "held", "ours/its", "CPU ms/s", "ours/its", "us/frame", "by CPU", "p99 ms", "kB/call")
_ROW = "{:16}{:12}{:>7}{:>10}{:>10}{:>10}{:>10}{:>8}{:>8}{:>9}"


def judged(found: Figures) -> Figures:
    """Return the report with its targets and doubts, for JSON."""
    return found | {
        "targets": [asdict(target) | {"met": target.met} for target in targets(found)],
        "doubts": doubts(found),
    }


def text(found: Figures) -> str:
    """Return the report to read."""
    machine, options = found["machine"], found["options"]
    return "\n".join([
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']} on "
        f"{machine['event_loop']}, Node {machine['node']}, load before {machine['load_before']:.1f}",
        f"Calls held: >= 99.9 % of frames to the worst call, p99 <= 5 ms off the 20 ms grid. CPU and p99 at "
        f"{options['fixed_calls']} calls; by CPU: the calls that a whole core would pay for. Medians of runs.",
        "",
        _ROW.format(*_HEADINGS),
        *_rows(found),
        "",
        *(_line(target) for target in targets(found)),
        "",
        *(f"doubt: {doubt}" for doubt in doubts(found)),
        *(f"left out, for want of time: {what}" for what in found["left_out"]),
        f"{found['seconds']:.0f} s",
    ])  # fmt: skip


def _rows(found: Figures) -> list[str]:
    s = Summary(found)
    modes = dict.fromkeys([*found["options"]["modes"], *(one["uplink"] for one in found["fixed"])])
    return [_row(s, name, mode) for mode in modes for name in found["options"]["servers"]]


def _row(s: Summary, name: str, mode: str) -> str:
    held, cpu = s.held(name, mode), s.cpu_ms(name, mode)
    return _ROW.format(
        name,
        mode,
        _show(held, "g"),
        _show(ratio(s.held("mockpbx", mode), held), ".2f"),
        _show(cpu, ".3f"),
        _show(ratio(s.cpu_ms("mockpbx", mode), cpu), ".2f"),
        _show(s.frame_us(name, mode), ".1f"),
        _show(ratio(1_000, cpu), ".0f"),
        _show(s.p99_ms(name, mode), ".2f"),
        _show(s.around("memory", name, "kb_per_call") if mode == DOWNLINK else None, ".0f"),
    )


def _line(target: Target) -> str:
    value = "-" if target.value is None else f"{target.value:.2f} {target.unit}"
    bound = f"{'>=' if target.at_least else '<='} {target.bound:g} {target.unit}"
    return f"{target.name:46}{value:>14}{bound:>14}  {_WORDS[target.met]}"


def _show(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
