"""Dead letters over HTTP: who sees them, what they say, and having one delivered again."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.ids import new_id, pack
from shared.mailbox.box import BoxKey
from shared.mailbox.deliveries import KIND, MAX_WAITING, delivery, delivery_id
from shared.mailbox.records import SAID, record_box, record_ref
from shared.storage.expressions import Assign, assign
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Update
from tests.mailbox.sink import Sink, listening
from tests.walls.people import Person
from tests.web.shop import ANN, Shop, iso, pages, refused
from tests.web.site import TOKEN, Answer

ADMIN = Person("acme", "admin", roles=("admin",))
ROBOT = Person("acme", "robot", roles=("service",))
OTHER_ADMIN = Person("globex", "admin", roles=("admin",))
URL = "https://hooks.example/done?key=a-secret-key"
BODY = '{"text": "what the agent said"}'


def died(shop: Shop, tenant: str = "acme", url: str = URL, conversation: str = "") -> str:
    """The id of a callback that has died."""
    shop.clock.advance(1)
    box = BoxKey(KIND, tenant, conversation or new_id())
    table = shop.deployment.table
    queued = delivery(shop.deployment.requests, box, url, BODY, shop.clock)
    table.write(queued.overflow)
    item = table.query(box.partition).items[-1]
    return delivery_id(box, item.key.sk)


def listed(shop: Shop, person: Person, query: str = "") -> Answer:
    answered = shop.by(person, "GET", f"/deliveries{query}")
    assert answered.status == 200, answered.text
    return answered


def ids(answer: Answer) -> list[str]:
    return [each["delivery_id"] for each in answer.body]


def replay(shop: Shop, person: Person, delivery_id: str) -> Answer:
    return shop.by(person, "POST", f"/deliveries/{delivery_id}/replay")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


# -- the list -----------------------------------------------------------------------------------


def test_an_entry_says_what_died_and_neither_what_it_says_nor_where_to(shop: Shop) -> None:
    conversation = new_id()
    made = died(shop, conversation=conversation)
    answered = listed(shop, ADMIN)
    assert answered.body == [
        {
            "delivery_id": made,
            "kind": "callback",
            "conversation_id": conversation,
            "attempts": 0,
            "error": "mailbox full",
            "added_at": iso(shop),
            "dead_since": iso(shop),
        }
    ]
    assert not [word for word in ("a-secret-key", "the agent") if word in answered.text]


def test_records_of_the_history_are_among_them(shop: Shop) -> None:
    box = record_box(BoxKey("conv", "acme", new_id()))
    ref = record_ref(4, SAID)
    dead = {"state": "done", "outcome": "dead", "attempts": 5, "error": "The backend said no."}
    times = {"added_at": shop.clock.now(), "listed_at": shop.clock.now(), "owned_by": "DEAD#acme"}
    shop.deployment.table.update(Update(box.job(ref), assign({**dead, **times})))
    [entry] = listed(shop, ADMIN).body
    assert (entry["kind"], entry["conversation_id"]) == ("transcript", box.id)
    assert (entry["attempts"], entry["error"]) == (5, "The backend said no.")
    assert replay(shop, ADMIN, entry["delivery_id"]).status == 202
    item = shop.deployment.table.get([box.item])[0]
    assert item is not None
    assert item.attrs["jobs"] == [ref]


def test_those_are_of_ones_tenant_and_the_latest_first(shop: Shop) -> None:
    made = [died(shop) for _ in range(3)]
    theirs = died(shop, "globex")
    assert ids(listed(shop, ADMIN)) == ids(listed(shop, ROBOT)) == made[::-1]
    assert ids(listed(shop, OTHER_ADMIN, "?state=dead&limit=7")) == [theirs]


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_by_the_link(shop: Shop, limit: int) -> None:
    made = [died(shop) for _ in range(5)]
    found = pages(shop, ADMIN, f"/deliveries?limit={limit}")
    assert [each["delivery_id"] for page in found for each in page] == made[::-1]
    full, rest = divmod(5, limit)
    assert [len(page) for page in found] == [limit] * full + [rest] * (rest > 0)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("state=queued", "query.state"),
        ("limit=0", "query.limit"),
        ("limit=201", "query.limit"),
        ("cursor=dead_x", "cursor"),
        (f"cursor={pack('approvals', '0')}", "cursor"),
    ],
)
def test_what_the_list_does_not_take(local_shop: Shop, query: str, path: str) -> None:
    answered = local_shop.by(ADMIN, "GET", f"/deliveries?{query}")
    refused(answered, 422, "VALIDATION_ERROR")
    assert answered.body["detail"].startswith(f"{path}: ")


# -- who ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("roles", [(), ("user",), ("boss", "administrator", "Admin")])
def test_it_is_for_administrators_whatever_the_id(shop: Shop, roles: tuple[str, ...]) -> None:
    made, theirs = died(shop), died(shop, "globex")
    person = Person("acme", "ann", roles=roles)
    answers = [shop.by(person, "GET", f"/deliveries{query}") for query in ("", "?limit=1")]
    never = pack("dlv", KIND, new_id(), "DELIVERY#1")
    answers += [replay(shop, person, each) for each in (made, theirs, never, "nothing")]
    for answered in answers:
        refused(answered, 403, "FORBIDDEN")
        assert answered.body == answers[0].body
    assert ids(listed(shop, ADMIN)) == [made]


@pytest.mark.parametrize("person", [ADMIN, ROBOT], ids=["admin", "service"])
def test_another_tenants_is_as_none(shop: Shop, person: Person) -> None:
    theirs = died(shop, "globex")
    answers = [
        replay(shop, person, each)
        for each in (theirs, pack("dlv", KIND, new_id(), "DELIVERY#1"), "nothing", "dlv_x")
    ]
    refused(answers[0], 404, "DELIVERY_NOT_FOUND")
    assert {each.text for each in answers} == {answers[0].text}
    assert (ids(listed(shop, OTHER_ADMIN)), shop.wakes.queued) == ([theirs], [])


def test_a_backend_looks_after_its_tenant_and_its_users_do_not(tmp_path: Path) -> None:
    with closing(SqliteTable(tmp_path / "shop.db")) as table:
        shop = Shop(tmp_path, table, AUTH_MODE="token", AUTH_JWT_SECRET="")
        made = died(shop, "default")
        assert ids(shop.ask("GET", "/deliveries")) == [made]
        refused(shop.ask("GET", "/deliveries", person="ann"), 403, "FORBIDDEN")
        path = f"/deliveries/{made}/replay"
        refused(shop.ask("POST", path, person="ann"), 403, "FORBIDDEN")
        assert shop.ask("POST", path).status == 202


def test_the_service_token_is_taken_beside_signed_tokens(local_shop: Shop) -> None:
    made = died(local_shop, "default")
    answered = local_shop.ask("GET", "/deliveries", token=TOKEN)
    assert (answered.status, ids(answered)) == (200, [made])
    assert local_shop.ask("POST", f"/deliveries/{made}/replay", token=TOKEN).status == 202


# -- replaying ----------------------------------------------------------------------------------


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Shop]:
    """Whose callbacks may go to this machine."""
    with closing(SqliteTable(tmp_path / "shop.db")) as table:
        yield Shop(tmp_path, table, ALLOW_PRIVATE_ADDRESSES="true")


def given_up(shop: Shop) -> Any:
    """The entry of the only dead letter, after as many sweeps as that takes."""
    for _ in range(60):
        if found := listed(shop, ADMIN).body:
            [entry] = found
            return entry
        shop.pass_time(60)
    raise AssertionError("it is not given up within an hour")


def test_it_is_delivered_and_off_the_list(open_shop: Shop, sink: Sink) -> None:
    made = died(open_shop, url=sink.url)
    answers = [replay(open_shop, ADMIN, made) for _ in range(2)]
    assert {each.status for each in answers} == {202}
    assert [each.body for each in answers] == [{"delivery_id": made, "status": "queued"}] * 2
    assert listed(open_shop, ADMIN).body == []
    open_shop.work()
    assert sink.bodies == [BODY]
    assert sink.received[0].headers["x-parley-delivery"] == made
    refused(replay(open_shop, ADMIN, made), 409, "DELIVERY_NOT_DEAD")
    assert listed(open_shop, ADMIN).body == []


def test_a_callback_dies_and_is_replayed(open_shop: Shop, sink: Sink) -> None:
    """From the turn to the letter and back."""
    sink.will_answer(*[503] * 10)
    body = {"agent_id": "shop", "message": "Hi", "wait": 0, "callback_url": f"{sink.url}/done"}
    open_shop.clerk.plan = ()
    turn = open_shop.by(ANN, "POST", "/executor/turns", body).body["turn_id"]
    open_shop.work()
    entry = given_up(open_shop)
    assert (entry["attempts"], entry["error"]) == (10, "status 503")
    assert entry["added_at"] < entry["dead_since"]
    assert replay(open_shop, ADMIN, entry["delivery_id"]).status == 202
    open_shop.work()
    assert len(sink.received) == 11
    assert turn in sink.bodies[-1]
    assert {each.headers["x-parley-delivery"] for each in sink.received} == {entry["delivery_id"]}


def test_a_receiver_that_fails_on_makes_it_a_dead_letter_again(open_shop: Shop, sink: Sink) -> None:
    sink.will_answer(*[500] * 10)
    made = died(open_shop, url=sink.url)
    assert replay(open_shop, ADMIN, made).status == 202
    open_shop.work()
    entry = given_up(open_shop)
    assert (entry["delivery_id"], entry["attempts"]) == (made, 10)


def test_a_lost_wake_is_the_sweeps_to_make_good(open_shop: Shop, sink: Sink) -> None:
    made = died(open_shop, url=sink.url)
    assert replay(open_shop, ADMIN, made).status == 202
    open_shop.wakes.queued.clear()
    open_shop.pass_time(60)
    assert sink.bodies == [BODY]


def test_a_full_mailbox_says_to_come_again(shop: Shop) -> None:
    conversation = new_id()
    made = died(shop, conversation=conversation)
    box = BoxKey(KIND, "acme", conversation)
    full: list[Any] = [f"DELIVERY#{number}" for number in range(MAX_WAITING)]
    shop.deployment.table.update(Update(box.item, [Assign(("jobs",), full)]))
    answered = replay(shop, ADMIN, made)
    assert (answered.status, answered.body["error"]["code"]) == (409, "MAILBOX_FULL")
    assert answered.body["error"]["retryable"]
    assert ids(listed(shop, ADMIN)) == [made]
