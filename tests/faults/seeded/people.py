"""What people do when they are asked: some decide at once, some late, some twice, some otherwise
than a moment before, in another tab, or by a frame that does not say what it is about. Some do not.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.runner.prompts import APPROVAL
from tests.faults.seeded.client import Client
from tests.faults.seeded.prompts import Prompt, chosen
from tests.faults.seeded.world import World

ATTEMPTS = 3
"""So often an answer is given that is not answered itself."""

AGAIN = 6.0
"""Seconds between them."""

Act = Callable[[Client], str]
"""Answers a prompt; the id of the request."""


class Person:
    """Whoever sits before a client, and has other tabs and other users beside them."""

    def __init__(self, world: World, client: Client, clients: Sequence[Client]) -> None:
        self._world = world
        self._rng: random.Random = world.rng
        self._client = client
        self._clients = clients
        self._seen: set[str] = set()
        client.on_prompt = self._asked

    def _asked(self, prompt: Prompt) -> None:
        rng = self._rng
        # Whoever is asked once more, as after a comeback, may think about it once more.
        if prompt.id in self._seen and rng.random() < 0.5:
            return
        self._seen.add(prompt.id)
        after = rng.choice([0.0, 0.05, 0.6, 3.0, 15.0, 45.0])
        acts = self._approval(prompt) if prompt.kind == APPROVAL else self._form(prompt)
        for number, act in enumerate(acts):
            late = after + number * rng.choice([0.0, 0.0, 0.02, 0.4, 2.0])
            self._world.after(late, lambda act=act: self._do(act))  # type: ignore[misc]  # mypy reads no defaults of lambdas

    def _do(self, act: Act) -> None:
        client = self._client
        known = act(client)
        if known.startswith("d") and self._rng.random() < 0.7:
            self._world.after(AGAIN, lambda: self._again(act, known, ATTEMPTS))

    def _again(self, act: Act, known: str, left: int) -> None:
        if known in self._client.answered or not left:
            return
        known = act(self._client)
        self._world.after(AGAIN, lambda: self._again(act, known, left - 1))

    def _approval(self, prompt: Prompt) -> Sequence[Act]:
        rng = self._rng
        yes = rng.random() < 0.7

        def by_id(client: Client) -> str:
            return client.confirm(prompt, approved=yes)

        def contrary(client: Client) -> str:
            return client.confirm(prompt, approved=not yes)

        def bare(client: Client) -> str:
            return client.confirm(prompt, approved=yes, bare=True)

        def bare_contrary(client: Client) -> str:
            return client.confirm(prompt, approved=not yes, bare=True)

        def as_turn(client: Client) -> str:
            return client.confirm(prompt, approved=yes, as_turn=True)

        def elsewhere(_: Client) -> str:
            # Another tab may have a session of the same conversation; another user must not.
            other = rng.choice(self._clients)
            session = other.sessions[0][0] if other.sessions else prompt.session
            return other.confirm(replace(prompt, session=session), approved=not yes)

        return rng.choice(
            [
                [],
                [by_id],
                [by_id],
                [bare],
                [as_turn],
                [by_id, by_id],
                [bare, bare],
                [bare, bare, bare_contrary],
                [by_id, contrary],
                [elsewhere, by_id],
            ]
        )

    def _form(self, prompt: Prompt) -> Sequence[Act]:
        def one(client: Client) -> str:
            return client.submit(prompt, chosen("One"))

        def two(client: Client) -> str:
            return client.submit(prompt, chosen("Two"))

        def wrong(client: Client) -> str:
            return client.submit(prompt, chosen("Three"))

        def decline(client: Client) -> str:
            return client.submit(prompt, None)

        choices = [[], [one], [one], [decline], [one, one], [one, two], [wrong, one]]
        return self._rng.choice([*choices, [one, decline]])
