"""The switches of a test double: any setting of the server or the workspace, by its name."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mockpbx.runtime.files.document import hint
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings
from mockpbx.testing.errors import Misuse

M = TypeVar("M", bound=BaseModel)

#: A test's emulator keeps nothing on disk, takes a free port, and jumps through time unless it is told otherwise.
OF_SERVER = {"port": 0, "database": ":memory:"}
OF_WORKSPACE = {"clock": "auto"}


def sorted_out(given: dict[str, Any], *models: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the settings of each model. Raises Misuse for a name that none has."""
    __tracebackhide__ = True
    known = [name for model in models for name in model.model_fields]
    for name in given:
        if name not in known:
            raise Misuse(f"There is no setting {name!r} here{hint(name, known)}")
    return [{name: value for name, value in given.items() if name in model.model_fields} for model in models]


def settings_of(model: type[M], given: dict[str, Any]) -> M:
    """Return a model with these settings. Raises Misuse for a value that it cannot have."""
    __tracebackhide__ = True
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        wrong = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        got = "" if first["loc"][0] == "token" else f", got {first['input']!r}"
        raise Misuse(f"{first['loc'][0]}: expected {wrong}{got}") from None


def server_and_workspace(given: dict[str, Any], *, shared: bool) -> tuple[ServerSettings, WorkspaceSettings]:
    """Return the settings of an emulator for tests. Raises Misuse, also for those of a server that is `shared`."""
    __tracebackhide__ = True
    server, workspace = sorted_out(given, ServerSettings, WorkspaceSettings)
    if shared and server:
        raise Misuse(
            f"{next(iter(server))} is a setting of the server, which all tests share: for one of its own write "
            "`with MockPBX(...) as pbx` (mockpbx_listen_address says where the shared one listens)"
        )
    return settings_of(ServerSettings, OF_SERVER | server), settings_of(WorkspaceSettings, OF_WORKSPACE | workspace)
