"""One seeded run from beginning to end."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

from shared.mailbox.box import BoxKey
from shared.mailbox.holder import Holder
from tests.simulation.check import Checker
from tests.simulation.faults import Rates
from tests.simulation.scripted import Call
from tests.simulation.world import TENANT, World

BUSY = 600.0
"""Seconds in which clients are active and things go wrong."""

RECOVERY = 400.0
"""Seconds after the last fault by which everything that can move has moved: lease and grace, two
sweeps, the pause of a delivery, and the work itself."""

EXPIRY = 4 * 3600.0


def run(
    seed: int, folder: Path, holder: type[Holder] = Holder, rates: Rates | None = None
) -> list[str]:
    """The promises that this seed breaks."""
    world = World(seed, folder, rates or Rates(), holder)
    try:
        boxes = [BoxKey("conv", TENANT, f"c{n}") for n in range(world.rng.randint(1, 3))]
        for box in boxes:
            world.make_box(box)
        world.sweep_every_minute(int((BUSY + RECOVERY) / 60) + 2)
        _schedule(world, boxes)
        world.hub.run(BUSY)
        world.chaos.rates.on = False
        world.hub.run(BUSY + RECOVERY)
        stuck = Checker(world, boxes).stuck()
        if stuck:
            return stuck
        # Only people are missing now: let every prompt expire.
        for _ in range(3):
            world.sweep_every_minute(int(EXPIRY / 3 / 60))
            world.hub.run(world.hub.time + EXPIRY / 3 + RECOVERY)
        return Checker(world, boxes).all()
    finally:
        world.close()


def _schedule(world: World, boxes: list[BoxKey]) -> None:
    rng = world.rng
    for number in range(rng.randint(2, 7)):
        box = rng.choice(boxes)
        ref = f"TURN#s#{number}"
        calls = [
            asdict(
                Call(
                    f"call{number}.{index}",
                    repeatable=rng.random() < 0.3,
                    approval=rng.random() < 0.4,
                    seconds=rng.choice([0.2, 1.5, 4.0, 25.0]),
                )
            )
            for index in range(rng.randint(0, 3))
        ]
        poison = rng.random() < 0.06
        if poison:
            world.diary.poison.add(ref)
        payload = {"calls": calls, "tokens": rng.randint(1, 12), "poison": poison}
        at = rng.uniform(0, BUSY / 2)
        client = world.process("client")
        world.later(at, client, partial(world.send, box, ref, payload))
        if rng.random() < 0.25:
            person = world.process("person")
            wait = at + rng.choice([0.0, 0.05, 2.0, 20.0, 200.0])
            world.later(wait, person, partial(world.cancel, box, ref))
