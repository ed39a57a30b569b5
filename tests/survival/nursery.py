"""Forks emulators: `mockpbx serve` with all that it imports there already, so that many of them cost little.

A line of JSON, the arguments of a child, brings one forth; its process id is the answer, and the child's own first line
says where it listens. `wait` is answered by `gone` when it is dead.
"""

import json
import os
import sys
from importlib import import_module

from mockpbx.cli import mockpbx as main

for name in ("mockpbx.cli.serve", "uvloop", "uuid_utils.compat", "av", "numpy"):  # and what a first call imports
    import_module(name)

child = 0
for line in sys.stdin:
    if line == "wait\n":
        os.waitpid(child, 0)
        print("gone", flush=True)
        continue
    child = os.fork()
    if child == 0:
        sys.stdin.close()
        try:
            main(json.loads(line), prog_name="mockpbx")
        finally:
            sys.stdout.flush()
            os._exit(1)
    print(child, flush=True)
