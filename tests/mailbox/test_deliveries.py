"""Deliveries, against a real receiver on loopback."""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from shared.ids import unpack
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.deliveries import KIND, Deliveries, DeliveryPolicy, delivery, sign
from shared.messaging.addresses import AddressGuard
from shared.messaging.http_post import GuardedHttpPost
from shared.storage.table import OWNED, Item
from tests.mailbox.drained import DrainRig
from tests.mailbox.sink import SLEEPY, Received, Sink, listening

SECRET = "the secret of these deliveries"
BOX = BoxKey(KIND, "acme", "c1")
POLICY = DeliveryPolicy(attempts=4, base=10, cap=900, timeout=0.3)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


@pytest.fixture
def rig(drained: DrainRig) -> DrainRig:
    use(drained, AddressGuard(allow_private=True))
    random.seed(7)
    return drained


def use(rig: DrainRig, guard: AddressGuard) -> None:
    http = GuardedHttpPost(guard)
    rig.handlers[KIND] = Deliveries(rig.table, http, SECRET, POLICY)


def send(rig: DrainRig, url: str, body: str = "{}") -> None:
    rig.table.write(delivery(rig.requests, BOX, url, body, rig.clock).writes)
    rig.wait(0.01)  # what is sent later sorts later


def drain(rig: DrainRig) -> None:
    rig.drain(key=BOX)


def items(rig: DrainRig) -> list[Item]:
    return rig.table.query(BOX.partition, prefix="DELIVERY#").items


def box(rig: DrainRig) -> Box:
    item = rig.table.get([BOX.item])[0]
    assert item is not None
    return Box.read(BOX, item)


def verifies(received: Received, body: bytes | None = None, secret: str = SECRET) -> bool:
    """As a receiver checks it, from the documentation alone."""
    timestamp = received.headers["x-parley-timestamp"]
    message = timestamp.encode() + b"." + (received.body if body is None else body)
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return received.headers["x-parley-signature"] == f"sha256={digest}"


def test_they_arrive_in_order_with_their_headers(rig: DrainRig, sink: Sink) -> None:
    texts = [json.dumps({"n": number, "text": "häß"}, ensure_ascii=False) for number in range(3)]
    for text in texts:
        send(rig, f"{sink.url}/hook?a=b", text)
    drain(rig)
    assert sink.bodies == texts
    for received, item in zip(sink.received, items(rig), strict=True):
        assert received.path == "/hook?a=b"
        assert received.headers["content-type"] == "application/json"
        assert received.headers["user-agent"] == "Parley"
        assert received.headers["host"] == sink.url.removeprefix("http://")
        assert received.headers["x-parley-timestamp"] == str(rig.clock.now() // 1000)
        named = unpack("dlv", received.headers["x-parley-delivery"], 3)
        assert named == (KIND, BOX.id, item.key.sk)
    assert box(rig).jobs == ()
    assert box(rig).due is None


def test_the_signature_verifies_and_a_tampered_one_does_not(rig: DrainRig, sink: Sink) -> None:
    send(rig, sink.url, '{"amount": 1}')
    drain(rig)
    [received] = sink.received
    assert verifies(received)
    assert not verifies(received, body=b'{"amount": 100}')
    assert not verifies(received, secret="another secret")
    later = str(int(received.headers["x-parley-timestamp"]) + 1)
    assert not verifies(
        Received(received.path, {**received.headers, "x-parley-timestamp": later}, received.body)
    )
    assert sign(SECRET, 5, b"x") != sign(SECRET, 51, b"x")


def test_failures_are_tried_again_with_growing_pauses(rig: DrainRig, sink: Sink) -> None:
    sink.will_answer(500, SLEEPY, 503, 201)
    send(rig, sink.url, "the one")
    send(rig, sink.url, "the next")
    times = [rig.virtual.hub.time]
    for tries in range(1, 4):
        drain(rig)
        assert len(sink.received) == tries, "the next one waits behind it"
        state = box(rig)
        assert state.owner is None
        assert state.due is not None
        assert state.due == state.head_at
        rig.wait((state.due - rig.clock.now()) / 1000)
        times.append(rig.virtual.hub.time)
    drain(rig)
    assert sink.bodies == ["the one"] * 4 + ["the next"]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    for failures, pause in enumerate(pauses, start=1):
        full = POLICY.base * 2 ** (failures - 1)
        assert full / 2 <= pause <= full + 0.01
    assert len({received.headers["x-parley-delivery"] for received in sink.received[:4]}) == 1
    assert len({received.headers["x-parley-timestamp"] for received in sink.received[:4]}) == 4
    assert all(map(verifies, sink.received))
    assert [item.attrs["outcome"] for item in items(rig)] == ["completed"] * 2
    assert box(rig).jobs == ()


def test_the_last_failure_makes_it_a_dead_letter_and_the_next_goes_on(
    rig: DrainRig, sink: Sink
) -> None:
    sink.will_answer(*[500] * POLICY.attempts)
    send(rig, sink.url, "the one")
    send(rig, sink.url, "the next")
    for _ in range(POLICY.attempts):
        drain(rig)
        rig.wait(900)
    assert sink.bodies == ["the one"] * POLICY.attempts + ["the next"]
    dead, delivered = items(rig)
    assert (dead.attrs["outcome"], delivered.attrs["outcome"]) == ("dead", "completed")
    assert (dead.attrs["attempts"], dead.attrs["error"]) == (POLICY.attempts, "status 500")
    assert (dead.ttl is None, delivered.ttl is None) == (True, False)
    listed = rig.table.query_index(OWNED, "DEAD#acme").items
    assert [entry.key for entry in listed] == [dead.key]
    assert dead.body is not None
    assert dead.body["payload"] == {"url": sink.url, "body": "the one"}


def test_a_redirect_is_not_followed(rig: DrainRig, sink: Sink) -> None:
    sink.will_answer(302, 307)
    send(rig, sink.url)
    drain(rig)
    assert [received.path for received in sink.received] == ["/"]
    assert items(rig)[0].attrs["error"] == "status 302"
    rig.wait(60)
    drain(rig)
    assert [received.path for received in sink.received] == ["/", "/"]


@pytest.mark.parametrize(
    ("guard", "reason"),
    [
        (AddressGuard(), "address refused"),
        (AddressGuard(allow_private=True, allowed_hosts=["example.com"]), "address refused"),
    ],
    ids=["private", "not allowed"],
)
def test_a_refused_address_is_not_asked(
    rig: DrainRig, sink: Sink, guard: AddressGuard, reason: str
) -> None:
    use(rig, guard)
    send(rig, sink.url)
    for _ in range(POLICY.attempts):
        drain(rig)
        rig.wait(900)
    assert sink.received == []
    [dead] = items(rig)
    assert dead.attrs["outcome"] == "dead"
    assert str(dead.attrs["error"]).startswith(reason)


def test_nobody_listens_there(rig: DrainRig) -> None:
    with listening() as closed:
        url = closed.url
    send(rig, url)
    drain(rig)
    assert str(items(rig)[0].attrs["error"]).startswith("no answer")
    assert box(rig).owner is None


def test_a_worker_that_died_after_sending_sends_the_same_again(rig: DrainRig, sink: Sink) -> None:
    """At least once: the receiver knows the copy by its id."""
    send(rig, sink.url, "x")
    taken = rig.holder.take(BOX, "dead")
    assert isinstance(taken, tuple)
    handler = rig.handlers[KIND]
    job = handler.load(taken[1], taken[1].jobs[0])
    assert job is not None
    drain(rig)
    assert sink.received == []
    rig.wait(36)
    drain(rig)
    rig.wait(1)
    assert len(sink.received) == 1
    assert unpack("dlv", sink.received[0].headers["x-parley-delivery"], 3)[2] == job.ref


@pytest.mark.parametrize("failures", range(1, 40))
def test_the_pause_never_exceeds_its_cap(failures: int) -> None:
    policy = DeliveryPolicy()
    assert 0 < policy.pause(failures) <= min(policy.cap, policy.base * 2 ** (failures - 1))
