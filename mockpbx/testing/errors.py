"""What goes wrong in a test: the call was not as expected, or the test double was not used as it is meant to be."""

from __future__ import annotations


class ExpectationFailed(AssertionError):
    """A call was not as the test expects; the text shows its timeline, the nearest facts and a likely cause."""


class ProblemsFound(AssertionError):
    """A call had problems that nobody asserted (see `Checks`)."""


class Misuse(Exception):
    """The test double was used in a way that it cannot be; the sentence says what to write instead."""
