"""Command-line options made from the settings' models: one declaration, one name everywhere.

`--some-flag`, `MOCKPBX_SOME_FLAG` and `some_flag` in the `--config` file; a flag beats the environment beats the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from mockpbx.contract.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=BaseModel)


def settings_options(*models: type[BaseModel]) -> Callable[[F], F]:
    """Give a command an option for each field of the models, and `--config FILE`."""
    fields = {name: field for model in models for name, field in model.model_fields.items()}

    def decorate(function: F) -> F:
        for name, field in reversed(fields.items()):
            function = _option(name, field)(function)
        return _config_option(fields)(function)

    return decorate


def read_settings(model: type[S], values: dict[str, Any]) -> S:
    """Return the model's settings out of a command's values. Raises ConfigurationError that names the flag."""
    given = {name: values[name] for name in model.model_fields if values.get(name) not in (None, ())}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        message = message.partition(", unable to parse")[0]
        field, given = str(first["loc"][0]), first["input"]
        shown = " ".join(map(str, given)) if isinstance(given, tuple) else given
        got = "" if field == "token" else f", got {shown!r}"  # a token is not shown, not even a wrong one
        raise ConfigurationError(f"{_flag(field)}: expected {message}{got}") from None


def _option(name: str, field: FieldInfo) -> Callable[[F], F]:
    kind: dict[str, Any] = {"metavar": _metavar(field)}
    flag = _flag(name)
    if field.annotation is bool:
        kind, flag = {"default": None}, f"{flag}/--no-{flag[2:]}"
    elif get_origin(field.annotation) is Literal:
        kind = {"type": click.Choice([str(choice) for choice in get_args(field.annotation)])}
    elif get_origin(field.annotation) is tuple:
        kind = {"multiple": True, "metavar": "TEXT"}
    default = field.get_default(call_default_factory=True)
    shown = "" if default in (None, (), False) else f" [default: {default}]"
    return click.option(
        flag,
        name,
        envvar=f"MOCKPBX_{name.upper()}",
        help=f"{field.description or ''}{shown}",
        show_envvar=False,
        **kind,
    )


def _metavar(field: FieldInfo) -> str:
    names = {int: "N", float: "SECONDS", Path: "FILE"}
    kinds = [field.annotation, *get_args(field.annotation)]
    return next((names[kind] for kind in kinds if kind in names), "TEXT")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _config_option(fields: Iterable[str]) -> Callable[[F], F]:
    known = set(fields)

    def load(ctx: click.Context, _: click.Parameter, file: Path | None) -> None:
        if file is None:
            return
        import difflib  # which few need, and take 1 MB
        import tomllib

        try:
            values = tomllib.loads(file.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise click.BadParameter(f"cannot read {file}: {error}") from None
        for name in values.keys() - known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(known))}"
            raise click.BadParameter(f"{file} sets {name}, which is no setting{hint}")
        ctx.default_map = values

    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="MOCKPBX_CONFIG",
        is_eager=True,
        expose_value=False,
        callback=load,
        help="TOML file with settings by these names, with underscores",
    )
