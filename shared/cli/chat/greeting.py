"""What an agent says before the first message, as the HTTP API tells it: no frame brings it."""

from collections.abc import Mapping
from urllib.parse import quote

from shared.cli.api import send
from shared.cli.chat.address import Address
from shared.cli.chat.clean import clean
from shared.cli.chat.faults import Unreachable
from shared.cli.chat.shapes import mapping, string
from shared.protocol.variables import PLACE

SECONDS = 5.0
"""How long a conversation's beginning may wait for it."""


def greeting(
    address: Address, agent: str, variables: Mapping[str, str], overrides: Mapping[str, str]
) -> str:
    """The greeting of an agent with these variables, or the one that takes its place; "" if there
    is none, or it is not to be had: a conversation goes on without it."""
    text = overrides.get("greeting") or _asked(address, agent)
    return clean(PLACE.sub(lambda place: variables.get(place[1], place[0]), text)).strip()


def _asked(address: Address, agent: str) -> str:
    if not address.http:
        return ""
    url = f"{address.http}/agents/{quote(agent, safe='')}"
    try:
        token = address.tokens.get() if address.tokens is not None else ""
        reply = send("GET", url, token, SECONDS)
    except (OSError, Unreachable):
        return ""
    return string(mapping({"agent": reply.json()}, "agent"), "greeting")
