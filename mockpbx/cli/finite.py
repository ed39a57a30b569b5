"""Numbers with a fraction on the command line: those that can be waited for, or divided by."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click


class Finite(click.FloatRange):
    """A range of numbers; unlike click's own it holds neither `nan`, which is within no bounds, nor `inf`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail with a sentence."""
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number; expected one like 2.5", param, ctx)
        return number


#: More than none: seconds that something may take, a factor.
POSITIVE = Finite(min=0, min_open=True)
