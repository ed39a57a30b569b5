"""The control API under `/__admin`: see and steer a workspace from outside its calls."""

from mockpbx.adapters.control.emulator import Emulator
from mockpbx.adapters.control.gate import ControlGate

__all__ = ["ControlGate", "Emulator"]
