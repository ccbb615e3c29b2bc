"""A world in which nothing goes wrong by itself, for tests that say what happens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.seeded.audit import Audit
from tests.faults.seeded.chaos import Rates
from tests.faults.seeded.client import Client
from tests.faults.seeded.following import Following
from tests.faults.seeded.keeping import Keeping
from tests.faults.seeded.model import Plan
from tests.faults.seeded.prompts import Prompt
from tests.faults.seeded.world import World, repeatable


class Calm:
    """One client with one session of one conversation."""

    def __init__(
        self, seed: int, folder: Path, keeping: Keeping | None = None, **environ: str
    ) -> None:
        self.world = World(seed, folder, Rates(on=False), keeping, **environ)
        self.client = Client(self.world, "ann", truncates=True)
        self.clients = [self.client]
        self.join(self.client)
        self.conversation = self.client.sessions[0][1]

    def join(self, client: Client, conversation: str | None = None) -> None:
        """Let a client connect and open its session."""

        def opening() -> None:
            client.connect()
            while client.connection is None:
                self.world.hub.sleep(0.1)
            client.open(conversation)

        self.world.start(opening)
        self.until(lambda: bool(client.sessions))

    def send(self, request_id: str, plan: Plan, client: Client | None = None) -> Following:
        """Ask for a turn that does this."""
        client = client or self.client
        self.world.model.plans[request_id] = plan
        client.send(client.sessions[0][0], request_id, f"Do {request_id}.")
        return client.following[request_id]

    def until(self, ready: Callable[[], bool], seconds: float = 600.0) -> None:
        """Let time pass until it is so."""
        over = self.world.hub.time + seconds
        while not ready():
            assert self.world.hub.time < over, "it did not come about"
            self.world.hub.run(self.world.hub.time + 0.05)

    def pass_time(self, seconds: float) -> None:
        self.world.hub.run(self.world.hub.time + seconds)

    def prompts(self, kind: str) -> list[Prompt]:
        """What turns have asked last that have not ended for their clients."""
        return [
            prompt
            for client in self.clients
            for turn, prompt in client.prompts.items()
            if prompt.kind == kind and client.following[turn].terminal is None
        ]

    def audit(self) -> Audit:
        return Audit(self.world, self.clients)


@contextmanager
def calm(seed: int, folder: Path, keeping: Keeping | None = None, **environ: str) -> Iterator[Calm]:
    """With `keeping` somebody keeps the history."""
    with repeatable(seed):
        made = Calm(seed, folder, keeping, **environ)
        try:
            yield made
        finally:
            made.world.close()
