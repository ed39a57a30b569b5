"""A typed client of the published API, for any server that keeps the contract.

```python
async with Client("http://127.0.0.1:7290", "dev") as client:
    call = await client.place_call("089608675796")
    async for event in call.events():
        match event:
            case DialStatusChange(status=DialStatus.CONNECTED):
                await call.hang_up()
```

The events are the messages of `mockpbx.contract.messages`. Every error is a ClientError with one sentence.
"""

from mockpbx.client.call import Call, ConnectionDropped, ConnectionRestored, Event, Unreadable
from mockpbx.client.client import Client, Join
from mockpbx.client.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionRefused,
    RequestFailed,
    TimedOut,
    UnexpectedReply,
)
from mockpbx.client.rest import Page, Rest

__all__ = [
    "Call",
    "Client",
    "ClientError",
    "ConnectionDropped",
    "ConnectionFailed",
    "ConnectionRefused",
    "ConnectionRestored",
    "Event",
    "Join",
    "Page",
    "RequestFailed",
    "Rest",
    "TimedOut",
    "UnexpectedReply",
    "Unreadable",
]
