"""Services that break the contract on purpose, each in exactly one way and without end: what a good test notices.

A fault makes the world around a faithful service worse; a mutant is a service that is wrong. It changes what leaves
and what is taken: the journal and the control API go on telling what really happened. `table` has all of them; it is
imported where one is named.
"""

from mockpbx.runtime.mutants.mutation import Mutant, Mutation, Payload, Reply

__all__ = ["Mutant", "Mutation", "Payload", "Reply"]
