"""Somebody who can be asked, as a test wants them."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from shared.cli.chat.asking import Shown, Typed
from shared.cli.chat.client import Client
from shared.cli.chat.connection import Patience
from shared.cli.chat.events import Asked, Notice, TurnEvent
from shared.cli.chat.session import Session
from tests.cli.chat.scripted_server import QUICK, ScriptedServer

Step = str | None | Callable[[], None]
"""What is typed (None: the question is left open), or what happens while the question stands."""


class ScriptedPerson:
    """Takes one step for each question that appears; without one left, the question stands.
    `asked` are the questions that appeared, `shown` is the one that stands."""

    def __init__(self, client: Client, *steps: Step) -> None:
        self.asked: list[Shown] = []
        self.shown: Shown | None = None
        self._client = client
        self._steps = list(steps)
        self._typed: Typed | None = None

    def ask(self, question: Shown) -> None:
        if self._typed is not None:
            self._client.nudge()
        elif self.shown != question:
            self.shown = question
            self.asked.append(question)
            self._step()

    def _step(self) -> None:
        step = self._steps.pop(0) if self._steps else _nothing
        if callable(step):
            step()
        else:
            self._typed, self.shown = Typed(step), None
            self._client.nudge()

    def withdraw(self) -> None:
        self.shown = None

    def take(self) -> Typed | None:
        typed, self._typed = self._typed, None
        return typed

    def clear(self) -> None:
        self.shown = self._typed = None


def _nothing() -> None:
    """The question stands."""


@contextmanager
def asking(
    server: ScriptedServer, *steps: Step, patience: Patience = QUICK
) -> Iterator[tuple[Session, ScriptedPerson, Client]]:
    """A session with that server, of somebody who takes these steps."""
    with server, closing(server.client(patience)) as client:
        person = ScriptedPerson(client, *steps)
        session = Session(client, "assistant", person)
        session.begin()
        yield session, person, client


def lines(said: list[TurnEvent]) -> list[str]:
    """What the person was told with the questions."""
    return [line for event in said if isinstance(event, Asked) for line in event.lines]


def notices(said: list[TurnEvent]) -> list[str]:
    return [event.text for event in said if isinstance(event, Notice)]
