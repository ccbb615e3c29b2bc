"""Who ends conversations in a run, and who has dead letters delivered again: as the executor does
with a request, in a process that may die meanwhile; asked again until there is an answer."""

from collections.abc import Callable, Sequence
from functools import partial

from shared.errors import ConflictError, NotFound
from shared.identity.principal import Principal
from shared.mailbox.box import BoxKey
from shared.messaging.wakes import Wake
from shared.storage.table import TransientError
from shared.wiring import Deployment
from tests.faults.seeded.client import Client
from tests.faults.seeded.diary import Asked
from tests.faults.seeded.world import World

TENANT = "t"
AGAIN = 5.0
"""Seconds after which a request that was not answered is repeated."""

LETTERS = 100


def end(world: World, user: str, conversation: str) -> None:
    """Ask for the end of a conversation."""
    caller = Principal(TENANT, user, frozenset({"user"}))

    def work(asked: Asked, deployment: Deployment) -> None:
        try:
            box = deployment.conversations.find(caller, conversation, "manage")
            deployment.closing.end(caller, box)
        except NotFound:
            asked.refused = True
        asked.over = world.hub.time

    def asking() -> None:
        asked = None
        while asked is None or asked.over is None:
            asked = Asked(world.hub.time, user, conversation)
            world.diary.ends.append(asked)
            _request(world, partial(work, asked))
            world.hub.sleep(AGAIN)

    world.start(asking)


def replay(world: World) -> None:
    """Have all dead letters delivered again that there are now."""

    def work(deployment: Deployment) -> None:
        for letter in deployment.dead_letters.page(TENANT, LETTERS).letters:
            try:
                box: BoxKey = deployment.dead_letters.replay(TENANT, letter.id)
            except ConflictError:
                continue  # somebody else has, or there is no room
            deployment.wakes.send([Wake(box.pk, box.tenant)])

    _request(world, work)


def _request(world: World, work: Callable[[Deployment], None]) -> None:
    def answering(deployment: Deployment) -> None:
        try:
            work(deployment)
        except TransientError:
            return  # 503

    world.run_in(answering)


def busy(world: World, clients: Sequence[Client], seconds: float, until: float) -> None:
    """What people do about ends, every so many seconds: of their own conversations, of others'
    too, and some twice."""
    rng, hub = world.rng, world.hub
    while hub.time < until:
        hub.sleep(rng.expovariate(1 / seconds))
        open_ones = [client for client in clients if client.sessions]
        if not open_ones or hub.time >= until:
            continue
        whose = rng.choice(open_ones)
        user = whose.user if rng.random() < 0.9 else rng.choice(clients).user
        _, conversation = rng.choice(whose.sessions)
        for _ in range(rng.choice([1, 1, 2, 3])):
            end(world, user, conversation)
            hub.sleep(rng.choice([0.0, 0.0, 0.3]))
