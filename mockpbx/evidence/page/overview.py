"""The picture without a script, and in print: phases, both waveforms, findings, drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mockpbx.evidence.page.markup import Markup, tag, text
from mockpbx.evidence.page.sound import peaks
from mockpbx.media.framing import RATE
from mockpbx.media.pcm import Samples
from mockpbx.media.recording import Sound

WIDTH, HEIGHT = 1_200, 250
COLUMNS = 1_200
#: What may lie between two figures of the axis, in ms.
STEPS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 120_000, 300_000, 600_000, 1_800_000)
#: Where the two waveforms lie, and how far they reach up and down.
CALLEE, CLIENT, REACH = 95, 185, 40


def overview_of(picture: dict[str, Any], sound: Sound | None) -> Markup:
    """Return the picture as SVG, from its data (see `model.picture_of`)."""
    end = picture["end"]
    parts: list[Markup] = []
    for name, at, until in picture["phases"]:
        x, width = _x(at, end), _x(until - at, end)
        parts.append(tag("rect", x=x, y=14, width=width, height=24, class_=f"phase {name}"))
        if width > 9 * len(name):
            parts.append(tag("text", name, x=x + 6, y=30))
    if sound is not None:
        loudest = max(1, *(int(np.abs(side.astype(np.int32)).max(initial=0)) for side in (sound.callee, sound.client)))
        for side, middle, name in ((sound.callee, CALLEE, "callee"), (sound.client, CLIENT, "client")):
            drawn = _wave(side, middle, min(8.0, 32_768 / loudest) / 32_768, picture["stretches"], end)
            parts.append(tag("path", d=drawn, class_=f"wave {name}"))
    for at, level, *_ in picture["pins"]:
        parts.append(tag("circle", cx=_x(at, end), cy=7, r=4, class_=f"pin {level}"))
    step = next((each for each in STEPS if end / each <= 12), end)
    for ms in range(0, end, step):
        anchor = "start" if ms == 0 else "end" if _x(ms, end) > WIDTH - 20 else "middle"
        parts.append(tag("text", f"{ms / 1_000:g} s", x=_x(ms, end), y=HEIGHT - 6, class_="tick", text_anchor=anchor))
    other = text(picture["other"])
    label = f"{other} and client, {end / 1_000:.1f} s"
    return tag("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="overview", role="img", aria_label=label)


def _x(ms: int, end: int) -> float:
    return round(ms * WIDTH / end, 1)


def _wave(side: Samples, middle: int, gain: float, stretches: Sequence[tuple[int, int]], end: int) -> str:
    drawn = []
    firsts = [first for _, first in stretches] + [len(side)]
    for (at, first), after in zip(stretches, firsts[1:], strict=True):
        begin, width = _x(at, end), (after - first) * 1_000 / RATE * WIDTH / end
        extremes = peaks(side[first:after], max(1, round(width * COLUMNS / WIDTH)))
        for column, (low, high) in enumerate(extremes.tolist()):
            if high - low > 8 / gain / 32_768:
                x = begin + (column + 0.5) * width / len(extremes)
                drawn.append(f"M{x:.1f} {middle - high * gain * REACH:.1f}V{middle - low * gain * REACH:.1f}")
    return "".join(drawn)
