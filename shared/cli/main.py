"""`parley …`: the commands, as click groups them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from shared import VERSION
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.cli.api import Api


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="parley")
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
@click.option(
    "--var",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    help="A value for {{NAME}} in what the agent is told. May be given several times.",
)
@click.option(
    "--override",
    "overrides",
    metavar="NAME=VALUE",
    multiple=True,
    help="Replaces what the agent lets a session replace, such as language=de. Also several times.",
)
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

    with said():
        context.exit(hold(**options))


@main.command()
@click.option("--tenant", help="Whose agents; of a backend. [default: SERVICE_TENANT]")
@click.pass_context
def check(context: click.Context, /, tenant: str | None) -> None:
    """Check all agents.

    With their tools and skills: those of the folder, or of the backend. Prints a line for each:
    ok and its id, or the file, the line and the reason. Exit code 1: one of them cannot be used.
    """
    from shared.cli.check import check as run

    try:
        context.exit(run(tenant or None))
    except ConfigurationError as fault:
        raise click.ClickException(fault.message) from fault


class ListedByDefault(click.Group):
    """A group whose command `list` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["list", *args])


@main.group(cls=ListedByDefault)
def deliveries() -> None:
    """See what could not be delivered to other systems, and have it delivered after all.

    For the roles `admin` and `service`. Without a command it lists.
    """


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that asks the HTTP API."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--token-command", metavar="COMMAND", help="Prints a token; run for every request."
        ),
        click.option(
            "--token",
            envvar="PARLEY_TOKEN",
            help="A credential of the HTTP API. Better set PARLEY_TOKEN.",
        ),
        click.option(
            "--api",
            default="http://127.0.0.1:8787",
            show_default=True,
            help="The HTTP API; on AWS the stack's HttpUrl.",
        ),
    ):
        command = option(command)
    return command


@deliveries.command("list")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="At most so many.",
)
@asking
@click.pass_context
def list_deliveries(context: click.Context, /, limit: int, as_json: bool, **where: Any) -> None:
    """List dead letters.

    The latest first: a table, or without a terminal a line for each, with tabs.
    """
    from shared.cli.deliveries import show

    with said():
        context.exit(show(api_of(**where), limit=limit, as_json=as_json))


@deliveries.command()
@click.argument("delivery_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that there are now.")
@asking
@click.pass_context
def replay(
    context: click.Context,
    /,
    delivery_ids: tuple[str, ...],
    everything: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Have dead letters delivered.

    Exit code 1: one of them was refused.
    """
    from shared.cli.deliveries import replay as replayed

    with said():
        api = api_of(**where)
        context.exit(replayed(api, delivery_ids, everything=everything, as_json=as_json))


@main.command()
@click.option("--conversation", metavar="ID", help="This conversation of yours.")
@click.option("--user", metavar="NAME", help="All that this user has.")
@click.option("--tenant", metavar="NAME", help="All that your tenant has, whose name this is.")
@click.option(
    "--idle-days",
    type=click.IntRange(1, 36_500),
    help="With --tenant: only conversations that nobody has used for so long.",
)
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is done.")
@asking
@click.pass_context
def delete(
    context: click.Context,
    /,
    yes: bool,
    no_wait: bool,
    as_json: bool,
    conversation: str | None,
    user: str | None,
    tenant: str | None,
    idle_days: int | None,
    **where: Any,
) -> None:
    """Delete a conversation, or what a user or a tenant has. It cannot be undone.

    Other people's data is for the roles `admin` and `service`. What is deleted is nobody's at
    once; the command waits until nothing of it is left.
    """
    from shared.cli.delete import delete as deleted
    from shared.cli.delete import meant

    with said():
        path, what = meant(conversation, user, tenant, idle_days)
        if not yes:
            click.confirm(f"Delete {what} for good?", abort=True, err=True)
        context.exit(deleted(api_of(**where), path, wait=not no_wait, as_json=as_json))


@main.command()
@click.option("--conversation", metavar="ID", help="Only this one.")
@click.option("--user", metavar="NAME", help="Of this user; with the service token.")
@click.option(
    "--output",
    type=click.Path(file_okay=False),
    default="export",
    show_default=True,
    help="The folder for the files, one for each conversation.",
)
@asking
@click.pass_context
def export(
    context: click.Context,
    /,
    conversation: str | None,
    user: str | None,
    output: str,
    as_json: bool,
    **where: Any,
) -> None:
    """Write conversations into files.

    All of yours, each as lines of JSON. docs/http.md says what stands in them.
    """
    from shared.cli.export import export as exported

    with said():
        api = api_of(**where)
        if user is not None:
            api = api.acting_for(user)
        context.exit(exported(api, conversation, output, as_json=as_json))


def api_of(api: str, token: str | None, token_command: str | None) -> "Api":
    """The HTTP API that the options mean. Raises ChatFault."""
    from shared.cli.api import Api

    return Api.of(api, token or None, token_command or None)


@contextmanager
def said() -> Iterator[None]:
    """What goes wrong is a sentence on standard error, and exit code 1."""
    from shared.cli.chat.faults import ChatFault

    try:
        yield
    except ChatFault as fault:
        raise click.ClickException(fault.message) from fault


if __name__ == "__main__":
    sys.exit(main())
