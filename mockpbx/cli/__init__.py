"""The command line. Each command is a module of its own, imported when it is called."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import NoReturn

import click

USAGE_ERROR = 2
INTERRUPTED = 130

#: New objects from one look of the garbage collector to the next, while a command is loaded.
LOADING = 20_000

#: Command name to module, and the line that the overview shows: listing them must not import them all.
COMMANDS = {
    "serve": ("serve", "Run the service on this machine."),
    "dial": ("dial", "Place a call on any server and show it live."),
    "ring": ("ring", "Let somebody call your bot."),
    "exec": ("exec", "Run a test suite against a service of its own."),
    "mutate": ("mutate", "Tell which breaches of the contract a test suite does not notice."),
    "trace": ("trace", "Write the evidence of a call: a page, its sound, its entries."),
    "lint": ("lint", "Tell what a client does wrong, from a live workspace or a recording."),
    "check": ("check", "Prove whether a server keeps the contract."),
    "fuzz": ("fuzz", "Search for a call script that makes a server break the contract."),
    "record": ("record", "Stand between a client and a server, and keep what passes."),
    "replay": ("replay", "Play one side of a recording to the other."),
    "compare": ("compare", "Tell where two servers or recordings differ."),
    "docs": ("docs", "Print the contract: OpenAPI, AsyncAPI, a reference page."),
    "top": ("top", "Watch a running server: its calls, its pace, how late it is itself."),
    "readyz": ("readyz", "Tell whether the server takes calls, for health checks."),
    "scenarios": ("scenarios", "List the callee personas and steps, or check a scenario file."),
    "numbers": ("numbers", "List the magic numbers."),
    "seed": ("seed", "Fill a workspace with plausible call records."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        usual = gc.get_threshold()
        gc.set_threshold(LOADING)  # little of what is loaded is garbage, and to look for it takes a tenth of the time
        try:
            command: click.Command = import_module(f"mockpbx.cli.{COMMANDS[cmd_name][0]}").command
        finally:
            gc.set_threshold(*usual)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="mockpbx", prog_name="mockpbx")
@click.pass_context
def mockpbx(ctx: click.Context) -> None:
    """Run the Outgoing Call Service on your own machine: REST, Socket.IO, real audio at real cadence, call records."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command line. Whatever is wrong with it is said in one line on stderr, exit status 2."""
    try:
        mockpbx.main(prog_name="mockpbx", standalone_mode=False)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "mockpbx"
        refuse(f"{error.format_message().rstrip('.')} (see {path} --help)")
    except click.ClickException as error:
        refuse(error.format_message())
    except click.Abort:
        raise SystemExit(INTERRUPTED) from None


def refuse(sentence: str) -> NoReturn:
    """Say what is wrong in one line and leave."""
    click.echo(f"mockpbx: {' '.join(sentence.split())}", err=True)
    raise SystemExit(USAGE_ERROR)
