"""`parley …`: the commands, as click groups them."""

import sys
from typing import Any

import click

from shared.errors import ConfigurationError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="parley")
def main() -> None:
    """Parley, a serverless agent runtime for AWS."""


@main.command()
@click.option("--port", type=click.IntRange(1, 65_535), help="The port on 127.0.0.1 (8787).")
def dev(port: int | None) -> None:
    """Run everything on this machine: WebSocket and HTTP APIs, workers, and a demo model when no
    key is set."""
    from shared.local.dev import serve

    try:
        serve(port)
    except ConfigurationError as fault:
        raise click.ClickException(fault.message) from fault
    except OSError as fault:
        raise click.ClickException(f"Cannot listen: {fault.strerror or fault}.") from fault


@main.command()
@click.option(
    "--url",
    default="ws://127.0.0.1:8787/ws",
    show_default=True,
    help="The WebSocket API; on AWS the stack's WebSocketUrl.",
)
@click.option("--api", help="The HTTP API, for a token; with `parley dev` the same port.")
@click.option("--agent", default="assistant", show_default=True, help="The agent's id.")
@click.option(
    "--token",
    envvar="PARLEY_TOKEN",
    help="A credential: a signed token, or one of the HTTP API. Better set PARLEY_TOKEN.",
)
@click.option(
    "--token-command",
    metavar="COMMAND",
    help="Prints a token; it is run for every connection, and when a token has expired.",
)
@click.option("--conversation", metavar="ID", help="Come back to this conversation.")
@click.option("--once", metavar="MESSAGE", help="Send one message, print the reply, and end.")
@click.option("--state-home", envvar="XDG_STATE_HOME", default="~/.local/state", hidden=True)
@click.pass_context
def chat(context: click.Context, /, **options: Any) -> None:
    """Talk with an agent, of `parley dev` or of a deployed stack.

    Without a terminal the message is standard input, and standard output has nothing but the
    reply: `echo hi | parley chat`. Exit code 0: there is a reply; 1: there is none; 3: the turn
    waits for a person; 130: stopped.
    """
    from shared.cli.chat.app import chat as hold
    from shared.cli.chat.faults import ChatFault

    try:
        context.exit(hold(**options))
    except ChatFault as fault:
        raise click.ClickException(fault.message) from fault


if __name__ == "__main__":
    sys.exit(main())
