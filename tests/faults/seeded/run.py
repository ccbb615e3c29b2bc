"""One seeded run from beginning to end."""

import random
from functools import partial
from pathlib import Path

from tests.faults.seeded import endings
from tests.faults.seeded.audit import Audit
from tests.faults.seeded.client import Client
from tests.faults.seeded.following import Following
from tests.faults.seeded.keeping import Keeping, keeping
from tests.faults.seeded.model import some_plan
from tests.faults.seeded.people import Person
from tests.faults.seeded.world import World, repeatable

BUSY = 200.0
"""Seconds in which clients ask for things and things go wrong."""

RECOVERY = 2500.0
"""Seconds after the last fault by which everything has ended: every turn may take its 240 seconds,
and those in which it waits; and the sweep wakes what is long overdue only every fifth minute."""


def run(
    seed: int,
    folder: Path,
    *,
    digest: bool = False,
    history: bool | None = None,
    budget: bool | None = None,
) -> list[str]:
    """The promises that this seed breaks; with `digest`, what tells its course from another. With
    `history` somebody keeps the history, or (False) nobody does; None: as the seed chooses. With a
    `budget`, which none uses up, steps are counted; None: by every other seed."""
    kept = None if history is False else keeping(seed, always=history is True)
    limited = seed % 2 == 1 if budget is None else budget
    spending = {"TENANT_USD_PER_DAY": "100"} if limited else {}
    with repeatable(seed):
        world = World(seed, folder, None, kept, **spending)
        try:
            clients = _clients(world)
            world.sweep_every_minute(int((BUSY + RECOVERY) / 60))
            for client in clients:
                world.start(partial(_use, world, client, clients))
            if kept is not None:
                _keep(world, kept, clients)
            world.hub.run(BUSY)
            world.chaos.rates.on = False
            for client in clients:
                client.connect()
            world.hub.run(BUSY + RECOVERY)
            broken = Audit(world, clients).all()
            return [world.diary.digest()] if digest else broken
        finally:
            world.close()


def _keep(world: World, kept: Keeping, clients: list[Client]) -> None:
    """What happens where somebody keeps the history."""
    if kept.ends is not None:
        world.start(partial(endings.busy, world, clients, kept.ends, BUSY))
    for at in kept.replays:
        world.after(at, partial(endings.replay, world))


def _clients(world: World) -> list[Client]:
    users = world.rng.choice([["ann"], ["ann", "ann"], ["ann", "bob"], ["ann", "ann", "bob"]])
    clients = [
        Client(
            world,
            user,
            truncates=world.rng.random() < 0.75,
            renders=world.rng.random() < 0.75,
        )
        for user in users
    ]
    for client in clients:
        Person(world, client, clients)
    return clients


def _use(world: World, client: Client, clients: list[Client]) -> None:
    """What one client does in its busy time."""
    rng, hub = world.rng, world.hub
    client.connect()
    while client.connection is None:
        hub.sleep(0.5)
    for _ in range(rng.choice([1, 1, 2])):
        known = [c for each in clients if each.user == client.user for _, c in each.sessions]
        client.open(rng.choice(known) if known and rng.random() < 0.5 else None)
    pace = rng.choice([2.0, 10.0, 30.0])
    left = rng.randint(1, 5)
    while hub.time < BUSY:
        hub.sleep(rng.expovariate(1 / pace))
        left -= _act(world, client, clients, left, rng)


def _act(
    world: World, client: Client, clients: list[Client], left: int, rng: random.Random
) -> bool:
    """One thing; whether it was a message."""
    dice = rng.random()
    turns = list(client.following.values())
    if left and (not turns or dice < 0.35):
        request_id = f"q{len(world.model.plans)}"
        world.model.plans[request_id] = some_plan(rng)
        session, _ = rng.choice(client.sessions)
        client.send(session, request_id, f"Do {request_id}.")
        for other in clients:
            other.foreign.add(request_id)
        return True
    if dice < 0.38 and turns:
        client.cancel(rng.choice(turns))
    elif dice < 0.43:
        _cancel_in_vain(client, clients, rng)
    elif dice < 0.75:
        noticed = rng.choice([0.0, 0.0, 3.0, 9.0])
        client.leave(noticed_after=noticed, back_after=rng.choice([0.05, 1.0, 6.0, 40.0]))
    elif dice < 0.85:
        _join(client, clients, rng)
    elif dice < 0.9 and turns:
        turn = rng.choice(turns)
        if turn.acknowledged and not turn.waiting and turn.terminal is None and client.connection:
            client.resume(turn)
    elif dice < 0.95 and world.working and world.chaos.rates.kill:
        world.chaos.kill(rng.choice(world.working))
    elif world.working and world.chaos.rates.freeze:
        world.chaos.freeze(rng.choice(world.working), rng.choice([20.0, 45.0, 100.0]))
    return False


def _cancel_in_vain(client: Client, clients: list[Client], rng: random.Random) -> None:
    """Of nothing, and of somebody else's."""
    others = [t for each in clients if each.user != client.user for t in each.following.values()]
    if others and rng.random() < 0.7:
        turn = rng.choice(others)
        client.frame("cancel", requestId=turn.request_id, sessionId=turn.session)
        client.frame("cancel", requestId=turn.request_id)
    else:
        client.frame("cancel", requestId="nothing", sessionId=client.sessions[0][0])


def _join(client: Client, clients: list[Client], rng: random.Random) -> None:
    """Look at a turn of another client of the same user."""
    others = [each for each in clients if each.user == client.user and each is not client]
    turns: list[Following] = [
        turn
        for each in others
        if each.truncates == client.truncates
        for turn in each.following.values()
        if turn.acknowledged and turn.message is not None
    ]
    if turns and client.connection is not None:
        client.follow(rng.choice(turns))
