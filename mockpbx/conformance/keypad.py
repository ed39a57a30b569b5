"""Keypad tones in a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mockpbx.conformance.signals import RATE, Stream


@dataclass(frozen=True, slots=True)
class Press:
    """A keypad tone in a stream: its digit, when its frame came, how many seconds it lasted."""

    digit: str
    at: float
    seconds: float


#: ITU-T Q.23.
_ROWS: Final = (697, 770, 852, 941)
_COLUMNS: Final = (1_209, 1_336, 1_477, 1_633)
_KEYPAD: Final = ("123A", "456B", "789C", "*0#D")
_WINDOW = 205  # samples, in which the eight frequencies are nearly orthogonal
_STEP = 40
_PURE = 0.6  # least share of a window's energy in the pair; a tone that fills three fifths of it has as much
_TWIST = 16.0  # largest ratio of the pair's powers
_LEAST_POWER = 60.0**2
_PROBES = np.exp(-2j * np.pi / RATE * np.outer(np.arange(_WINDOW), _ROWS + _COLUMNS))


def presses(stream: Stream, bridge: float = 0.04) -> list[Press]:
    """Return the keypad tones in a stream. Pauses of up to `bridge` seconds do not part a tone."""
    padded = np.concatenate((np.zeros(_WINDOW), stream.samples.astype(np.float64), np.zeros(_WINDOW)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP]
    power = np.abs(windows @ _PROBES) ** 2 * (2 / _WINDOW)
    rows, columns = power[:, :4], power[:, 4:]
    row, column = rows.max(1), columns.max(1)
    energy = np.vecdot(windows, windows) + 1.0
    pure = (
        ((row + column) >= _PURE * energy)
        & (row <= _TWIST * column)
        & (column <= _TWIST * row)
        & (energy >= _LEAST_POWER * _WINDOW)
    )
    found: list[tuple[str, int, int]] = []
    for index in np.flatnonzero(pure):
        digit = _KEYPAD[int(rows[index].argmax())][int(columns[index].argmax())]
        start = int(index) * _STEP
        # A pause of so many samples takes that long, and what a window needs of the tone on either side.
        if found and found[-1][0] == digit and start - found[-1][2] <= bridge * RATE + _STEP:
            found[-1] = (digit, found[-1][1], start)
        else:
            found.append((digit, start, start))
    # A window is pure while three fifths of it are tone: from two fifths before a tone to three before its end.
    edge = round(_WINDOW * (2 * _PURE - 1)) + 2 * _STEP
    return [
        Press(digit, stream.at(max(0, first - _WINDOW + round(_WINDOW * (1 - _PURE)))), (last - first + edge) / RATE)
        for digit, first, last in found
    ]
