"""`parley …`: the commands, as click groups them."""

import sys

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


if __name__ == "__main__":
    sys.exit(main())
