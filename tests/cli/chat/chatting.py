"""A session with a scripted server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from shared.cli.chat.client import Client
from shared.cli.chat.connection import Patience
from shared.cli.chat.events import Token, TurnEvent
from shared.cli.chat.session import Session
from tests.cli.chat.scripted_server import QUICK, ScriptedServer


@contextmanager
def chatting(
    server: ScriptedServer, patience: Patience = QUICK
) -> Iterator[tuple[Session, Client]]:
    """A session with that server."""
    with server, closing(server.client(patience)) as client:
        session = Session(client, "assistant")
        session.begin()
        yield session, client


def texts(said: list[TurnEvent]) -> list[str]:
    return [event.text for event in said if isinstance(event, Token)]
