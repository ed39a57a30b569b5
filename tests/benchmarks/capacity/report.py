"""The report as text: a table of servers and modes with ratios, the targets, what speaks against the figures."""

from __future__ import annotations

from dataclasses import asdict

from .search import Figures
from .suite import DOWNLINK
from .targets import Summary, Target, doubts, ratio, targets

#: What a reader has to know of the table.
_LEGEND = """\
held      the most calls with >= 99.9 % of frames to the worst call, p99 <= 5 ms off the 20 ms grid; median of runs
CPU ms/s  of the server, for one second of one call, at {calls} calls; us/frame is the same for each frame that it sends
by CPU    the calls that a whole core would pay for
p99 ms    how far frames come off their grid, at {calls} calls
kB/call   memory of a connected call, the mean of 199; the first of all, which loads what calls need, is not in it
ours/its  mockpbx's figure by this server's, of the column to the left
uplink    bytes of sound in a packet and how often each call sends one; none: the calls only listen
node, python-socketio: peers as a user would write them. floor: plain send() of the same bytes, and nothing else.
mockpbx keeps its records in a file, as by default, a new one at each start; the others keep none."""
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
        "",
        _LEGEND.format(calls=options["fixed_calls"]),
        "",
        _ROW.format(*_HEADINGS),
        *_rows(found),
        "",
        *(f"doubt: {doubt}" for doubt in doubts(found)),
        *(f"left out, for want of time: {what}" for what in found["left_out"]),
        "",
        *_promises(targets(found)),
        "",
        f"measured in {found['seconds']:.0f} s",
    ])  # fmt: skip


def _promises(promised: list[Target]) -> list[str]:
    """Return what was measured of what was promised, a line each, and the names of the rest."""
    missing = [target.name for target in promised if target.met is None]
    told = [_line(target) for target in promised if target.met is not None]
    return [*told, *([f"not measured: {'; '.join(missing)}"] if missing else [])]


def _rows(found: Figures) -> list[str]:
    s = Summary(found)
    modes = dict.fromkeys([*found["options"]["modes"], *(one["uplink"] for one in found["fixed"])])
    return [_row(s, name, mode) for mode in modes for name in found["options"]["servers"]]


def _row(s: Summary, name: str, mode: str) -> str:
    held, cpu = s.held(name, mode), s.cpu_ms(name, mode)
    return _ROW.format(
        name,
        mode,
        shown(held, "g"),
        shown(ratio(s.held("mockpbx", mode), held), ".2f"),
        shown(cpu, ".3f"),
        shown(ratio(s.cpu_ms("mockpbx", mode), cpu), ".2f"),
        shown(s.frame_us(name, mode), ".1f"),
        shown(ratio(1_000, cpu), ".0f"),
        shown(s.p99_ms(name, mode), ".2f"),
        shown(s.around("memory", name, "kb_per_call") if mode == DOWNLINK else None, ".0f"),
    )


def _line(target: Target) -> str:
    value = f"{shown(target.value, '.2f')} {target.unit}"
    bound = f"{'>=' if target.at_least else '<='} {target.bound:g} {target.unit}"
    return f"{target.name:46}{value:>14}{bound:>14}  {'met' if target.met else 'MISSED'}"


def shown(value: float | None, form: str) -> str:
    """Return a figure, or a dash where it was not measured."""
    return "-" if value is None else format(value, form)
