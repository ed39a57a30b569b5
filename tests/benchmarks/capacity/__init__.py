"""How many calls one process on one core holds, beside servers that a user would write, and beside a bare `send()`."""
