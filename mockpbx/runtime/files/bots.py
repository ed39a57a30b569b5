"""Scenarios out of a user's Python file: `bots.py:polite` is its function `polite`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from mockpbx.domain.scenario import Luck, Step
from mockpbx.runtime.files.document import Place, hint, plain


class _Fresh(SourceFileLoader):
    """Compiles the file anew: a cached compilation may be older by less than the second that its stamp counts."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def load_module(path: Path, place: Place) -> ModuleType:
    """Return a Python file as a module, run anew. Raises ScenarioError at `place` for whatever breaks it."""
    name = f"mockpbx_bots_{path.stem}"
    loader = _Fresh(name, str(path))
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # since the loader is given
    module = module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickle look for it
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and error.filename == str(path):
            raise place.error(f"{path.name} cannot be read: {error.strerror}") from None
        said = " ".join(str(error).split())[:200]
        raise place.error(f"{path.name} cannot be run: {type(error).__name__}: {said}") from None
    return module


def scenario_in(module: ModuleType, name: str, place: Place) -> Callable[[Luck], Iterable[Step]]:
    """Return a function of a module as a scenario, whether it takes luck or nothing. Raises ScenarioError."""
    file = Path(str(module.__file__)).name
    function: Any = vars(module).get(name)
    if not callable(function):
        functions = inspect.getmembers(module, inspect.isfunction)
        known = [key for key, value in functions if value.__module__ == module.__name__]
        raise place.error(f"{file} has no function {plain(name)}{hint(name, known)}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise place.error(f"{name} in {file} is async; expected a plain function or generator of steps")
    signature = inspect.signature(function)
    for arguments in ((None,), ()):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return function if arguments else lambda luck: function()
    raise place.error(f"{name} in {file} takes {signature}; expected a function of luck, or of nothing")
