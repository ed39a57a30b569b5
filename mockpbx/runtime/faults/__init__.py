"""What can go wrong between the service and its clients, made to go wrong: seeded, on virtual time, removable.

A fault is a small class with one method; a rule tells when it strikes; the Faultboard of a workspace holds the rules,
and every hook asks it. What a fault makes late leaves in its time, even after the call's hangup or the rule's end.
"""

from mockpbx.runtime.faults.board import Faultboard, NoSuchFault
from mockpbx.runtime.faults.http import RequestDropped, RequestRefused
from mockpbx.runtime.faults.notation import FAULTS, catalogue, read_fault
from mockpbx.runtime.faults.rule import Fault, FaultStruck, Rule, When

__all__ = [
    "FAULTS",
    "Fault",
    "FaultStruck",
    "Faultboard",
    "NoSuchFault",
    "RequestDropped",
    "RequestRefused",
    "Rule",
    "When",
    "catalogue",
    "read_fault",
]
