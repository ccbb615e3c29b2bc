"""Dead letters that are replayed beside a worker: each is made once more, in its order."""

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import ConflictError
from shared.ids import unpack
from shared.mailbox.box import Box
from shared.mailbox.dead_letters import DeadLetters
from shared.mailbox.deliveries import ID, KIND, Deliveries, DeliveryPolicy, delivery
from shared.messaging.addresses import AddressGuard
from shared.messaging.http_post import GuardedHttpPost
from shared.storage.expressions import Assign
from shared.storage.table import Update
from tests.mailbox.drained import DrainRig
from tests.mailbox.office import BOX, TENANT
from tests.mailbox.sink import Sink, listening
from tests.support.faults import Call, Hooks


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


class Post:
    """A worker of deliveries, which get one attempt each."""

    def __init__(self, rig: DrainRig, sink: Sink) -> None:
        random.seed(7)
        http = GuardedHttpPost(AddressGuard(allow_private=True))
        policy = DeliveryPolicy(attempts=1, timeout=5)
        rig.handlers[KIND] = Deliveries(rig.table, http, "a secret of these tests", policy)
        self.rig, self.sink = rig, sink
        self.letters = DeadLetters(rig.table, rig.requests)

    def send(self, body: str = "the body") -> None:
        self.rig.table.write(
            delivery(self.rig.requests, BOX, self.sink.url, body, self.rig.clock).writes
        )
        self.rig.wait(0.01)

    def work(self) -> None:
        self.rig.drain(key=BOX)

    @property
    def dead(self) -> list[str]:
        return [letter.id for letter in self.letters.page(TENANT, 50).letters]

    @property
    def jobs(self) -> tuple[str, ...]:
        item = self.rig.table.get([BOX.item])[0]
        return Box.read(BOX, item).jobs if item else ()


@pytest.fixture
def post(drained: DrainRig, sink: Sink) -> Post:
    return Post(drained, sink)


def test_the_receiver_gets_the_very_same_under_the_same_id(post: Post) -> None:
    post.sink.will_answer(500)
    post.send()
    post.work()
    [made] = post.dead
    post.letters.replay(TENANT, made)
    assert not post.dead
    post.work()
    first, second = post.sink.received
    assert first.body == second.body == b"the body"
    named = {each.headers["x-parley-delivery"] for each in (first, second)}
    assert named == {made}
    with pytest.raises(ConflictError, match="no dead letter"):
        post.letters.replay(TENANT, made)


def test_it_comes_after_what_waits_already(post: Post) -> None:
    post.sink.will_answer(500)
    post.send("first")
    post.work()
    post.send("second")
    post.letters.replay(TENANT, post.dead[0])
    post.work()
    assert post.sink.bodies == ["first", "second", "first"]


def replayed_at_its_end(post: Post, then: Callable[[], None]) -> None:
    """Somebody replays it between its end and its leaving; `then` happens in that moment too."""

    def replay() -> None:
        post.rig.plan = lambda _: None
        post.letters.replay(TENANT, post.dead[0])
        then()

    def plan(call: Call) -> Hooks | None:
        died = Assign(("outcome",), "dead")
        ends = any(isinstance(each, Update) and died in each.changes for each in call.operations)
        return Hooks(after=replay) if ends else None

    post.rig.plan = plan


def test_one_that_is_replayed_before_it_has_left_is_made_once_more(post: Post) -> None:
    post.sink.will_answer(500)
    post.send("first")
    post.send("second")
    replayed_at_its_end(post, lambda: None)
    post.work()
    assert post.sink.bodies == ["first", "second", "first"]
    assert not post.jobs
    assert not post.dead


class Died(BaseException):
    """The worker is no more."""


def test_so_it_is_when_its_worker_dies_there(post: Post) -> None:
    def die() -> None:
        raise Died

    post.sink.will_answer(500)
    post.send("first")
    post.send("second")
    replayed_at_its_end(post, die)
    with pytest.raises(Died):
        post.work()
    assert len(post.jobs) == 3
    post.rig.wait(60)
    post.work()
    assert post.sink.bodies == ["first", "first", "second"]
    assert not post.jobs
    assert not post.dead


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.tuples(st.sampled_from(["send", "replay", "work"]), st.booleans())))
def test_the_list_is_what_has_died_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, sink: Sink, steps: list[tuple[str, bool]]
) -> None:
    """Against a model: what was sent waits, has arrived, or is listed, the latest first."""
    rig = DrainRig(tmp_path_factory.mktemp("post"))
    post = Post(rig, sink)
    sink.received.clear()
    waiting: list[str] = []
    listed: list[str] = []
    died_at: dict[str, int] = {}
    tried: list[str] = []
    try:
        for number, (step, good) in enumerate(steps):
            if step == "send":
                post.send(str(number))
                waiting.append(str(number))
            elif step == "replay" and listed:
                chosen = 0 if good else -1
                post.letters.replay(TENANT, post.dead[chosen])
                waiting.append(listed[chosen])
                died_at.pop(listed[chosen])
                rig.wait(0.01)
            elif step == "work":
                sink.answers[:] = [200 if good else 500] * len(waiting)
                post.work()
                tried += waiting
                died_at |= {} if good else dict.fromkeys(waiting, number)
                waiting.clear()
            listed = bodies(post, post.dead)
            assert sorted(listed) == sorted(died_at)
            assert listed == sorted(listed, key=lambda each: -died_at[each])
            assert len(post.jobs) == len(waiting)
            assert sink.bodies == tried, "each attempt in its order, and no other"
    finally:
        rig.engine.close()


def bodies(post: Post, deliveries: list[str]) -> list[str]:
    keys = [BOX.job(unpack(ID, each, 3)[2]) for each in deliveries]
    items = post.rig.table.get(keys) if keys else []
    return [item.body["payload"]["body"] for item in items if item and item.body]
