"""A call's metrics as small labelled figures and tables."""

from __future__ import annotations

from collections.abc import Sequence

from mockpbx.evidence.measures import Metrics, Uplink
from mockpbx.evidence.pacing import DOUBT, pacing_told
from mockpbx.evidence.page.markup import Markup, joined, moment, table, tag
from mockpbx.runtime.cadence import Pacing


def figures_of(metrics: Metrics, clock: str) -> Markup:
    """Return the figures of one call, with their units; `not measured` where there was nothing to measure.

    Beside the client's latencies stands how late the emulator itself was, on a `clock` that is real.
    """
    latency = metrics.turn_latency
    turns = "" if latency is None else f"median of {latency.count}, p95 {latency.p95:.2f}, at most {latency.max:.2f} s"
    groups = [
        (
            "Response",
            [
                _figure(
                    "Time to first audio", _seconds(metrics.time_to_first_audio), "from Connected to the first sound"
                ),
                _figure("Turn latency", _seconds(None if latency is None else latency.median), turns),
                _figure("Barge-ins", (str(len(metrics.barge_ins)), ""), _stops(metrics)),
                _figure("Talk-over", _seconds(metrics.talk_over), "both at once"),
                _figure("Dead air", _seconds(metrics.dead_air), f"longest {metrics.longest_dead_air:.2f} s"),
                _own(metrics.pacing, clock),
            ],
        ),
        (
            "Playback",
            [
                _figure("Heard", _seconds(metrics.heard), "of the client’s sound"),
                _figure("Cut by interruption", _seconds(metrics.cut_by_interruption), "queued, never heard"),
                _figure("Cut at the hang-up", _seconds(metrics.cut_at_hangup), "queued, never heard"),
                _figure("Underruns", (str(metrics.underruns), ""), "the queue ran dry in mid-frame"),
            ],
        ),
        ("Uplink", _uplink(metrics.uplink)),
    ]
    return joined(tag("section", tag("h3", name), tag("dl", *figures), class_="figures") for name, figures in groups)


def tables_of(metrics: Metrics, placed: int) -> Markup:
    """Return turns, barge-ins and cuts as tables, those that there are; `placed` is when the call was (virtual ms)."""
    turns = [(moment(each.at - placed), f"{each.latency:.2f}") for each in metrics.turns]
    barges = [
        (
            moment(each.at - placed),
            "none" if each.reaction is None else f"{each.reaction:.2f}",
            f"{each.leftover:.2f}",
            f"{each.stop:.2f}",
        )
        for each in metrics.barge_ins
    ]
    cuts = [
        (
            moment(each.at - placed),
            {"hangup": "hang-up"}.get(each.how, each.how),
            f"{each.heard:.2f}",
            f"{each.cut:.2f}",
        )
        for each in metrics.cuts
    ]
    tables: list[tuple[str, tuple[str, ...], Sequence[tuple[object, ...]]]] = [
        ("Turns", ("at, s", "latency, s"), turns),
        ("Barge-ins", ("at, s", "reaction, s", "leftover, s", "stop, s"), barges),
        ("Cuts", ("at, s", "by", "heard, s", "cut, s"), cuts),
    ]
    shown = [
        tag("div", table(caption, heads, rows, class_="numbers"), class_="scroll", tabindex=0)
        for caption, heads, rows in tables
        if rows
    ]
    return tag("div", *shown, class_="tables") if shown else Markup("")


def _own(pacing: Pacing | None, clock: str) -> Markup:
    told = pacing_told(pacing, clock)
    if pacing is None:
        return _figure("Own lateness", None, told.partition(": ")[2])
    doubt = f": {DOUBT}" if pacing.noisy else ""
    return _figure("Own lateness", (f"{pacing.p99:g}", "ms"), f"of the emulator’s frames, {told}{doubt}")


def _uplink(uplink: Uplink | None) -> list[Markup]:
    if uplink is None:
        return [_figure("Messages", None, "the client sent no sound")]
    return [
        _figure("Messages", (f"{uplink.messages:,}", ""), f"{uplink.bytes:,} bytes"),
        _figure("Packet", (f"{uplink.packet:.0f}", "ms"), "median length"),
        _figure("Pace", None if uplink.pace is None else (f"{uplink.pace:.2f}", "×"), "1 is real time"),
        _figure("Jitter", (f"{uplink.jitter:.1f}", "ms"), "as in RFC 3550"),
        _figure("Longest gap", (f"{uplink.longest_gap:.0f}", "ms"), "late after the sound before"),
        _figure("Longest queue", _seconds(uplink.most_queued), ""),
    ]


def _stops(metrics: Metrics) -> str:
    named = {"stop": metrics.barge_in_stop, "reaction": metrics.barge_in_reaction}
    told = [f"{name} median {each.median:.2f}, at most {each.max:.2f} s" for name, each in named.items() if each]
    return "; ".join(told)


def _seconds(value: float | None) -> tuple[str, str] | None:
    return None if value is None else (f"{value:.2f}", "s")


def _figure(name: str, value: tuple[str, str] | None, hint: str) -> Markup:
    if value is None:
        shown = tag("dd", "not measured", class_="none")
    else:
        number, unit = value
        shown = tag("dd", number, *([" ", tag("small", unit)] if unit else []))
    return tag("div", tag("dt", name), shown, *([tag("dd", hint, class_="hint")] if hint else []))
