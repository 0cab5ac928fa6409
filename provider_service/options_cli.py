"""The operator's commands for profile options."""

import contextlib
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console

from provider_service.options import service as options

OptionCode = Annotated[str, typer.Argument(help="Code of the option, as `options list` shows it")]
Opened = Callable[[], contextlib.AbstractContextManager[Any]]
"""Opens the database for one command: a transaction, committed at its end."""

console = Console(highlight=False, markup=False, emoji=False)


def commands(desk: Opened) -> typer.Typer:
    """Return the commands, which open the database by ``desk``."""
    group = typer.Typer(no_args_is_help=True, help="What self-service registration does.")

    @group.command("list")
    def list_options() -> None:
        """List every profile option as it counts now."""
        with desk() as here:
            for one in options.list_options(here.session):
                console.print(f"{one.definition.code}={one.value}", soft_wrap=True)

    @group.command("get")
    def get_option(code: OptionCode) -> None:
        """Print the value of a profile option."""
        with desk() as here:
            console.print(options.get_option(here.session, code).value, soft_wrap=True)

    @group.command("set")
    def set_option(code: OptionCode, value: Annotated[str, typer.Argument(help="What to set it to")]) -> None:
        """Set a profile option; it counts at once."""
        _set_option(desk, code, value)

    @group.command("reset")
    def reset_option(code: OptionCode) -> None:
        """Give a profile option its default back."""
        _set_option(desk, code, None)

    @group.command("history")
    def show_history(code: OptionCode) -> None:
        """Show who set a profile option when, from what to what, the newest first."""
        with desk() as here:
            for one in options.history(here.session, code):
                console.print(f"{one.at:%Y-%m-%d %H:%M} {one.actor.name}: {one.before} -> {one.after}", soft_wrap=True)

    return group


def _set_option(desk: Opened, code: str, value: str | None) -> None:
    with desk() as here:
        made = options.set_option(here.session, code, change=lambda _: value, actor=here.caller.actor, now=here.now)
    console.print(f"{code} is {made.value}", soft_wrap=True)
