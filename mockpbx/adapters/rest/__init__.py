"""The contract's REST operations, answered as the hosted stack answers them (FIDELITY, section 1)."""

from mockpbx.adapters.rest.service import RestService

__all__ = ["RestService"]
