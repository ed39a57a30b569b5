"""The contract's REST operations, answered as the hosted stack answers them."""

from mockpbx.adapters.rest.service import RestService

__all__ = ["RestService"]
