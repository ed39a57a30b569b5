"""The page of a call, and the files beside it: what people show each other."""

from __future__ import annotations

from mockpbx.evidence.page.files import write_evidence
from mockpbx.evidence.page.render import page_of

__all__ = ["page_of", "write_evidence"]
