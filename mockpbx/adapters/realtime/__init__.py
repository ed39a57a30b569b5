"""The contract's Socket.IO events, both ways."""

from mockpbx.adapters.realtime.service import RealtimeService

__all__ = ["RealtimeService"]
