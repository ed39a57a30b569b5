"""The sandbox page at `/__console/`, beside the contract's routes and the control API, which it uses as anybody may."""

from mockpbx.adapters.console.service import ConsoleService

__all__ = ["ConsoleService"]
