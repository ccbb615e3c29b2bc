"""What an earlier release has left is read, and its work under way goes on, on both engines."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.conversations.items import TURN_ID, box_key
from shared.ids import unpack
from shared.mailbox.box import BoxKey
from shared.storage.dynamodb import DynamoTable
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item, Key, Put, Table
from tests.releases.freeze import CALLBACK, HERE, Clerk, backed, conversations, site_of, work
from tests.support.aws import client, fresh_table
from tests.web.site import Site

RELEASES = sorted(path.name for path in HERE.iterdir() if (path / "shop").is_dir())


class Left(NamedTuple):
    """What a release has left: the folder, the table's engine, and what its callers know."""

    folder: Path
    engine: Table
    known: dict[str, Any]


@pytest.fixture(params=["sqlite", "dynamodb"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    if request.param == "sqlite":
        with closing(SqliteTable(tmp_path / "parley.db")) as made:
            yield made
        return
    endpoint = request.getfixturevalue("moto_endpoint")
    with client("dynamodb", endpoint) as dynamodb:
        yield DynamoTable(dynamodb, fresh_table(endpoint))


@pytest.fixture(params=RELEASES)
def restored(
    request: pytest.FixtureRequest, tmp_path: Path, engine: Table
) -> Callable[[str], Left]:
    def restore(kind: str) -> Left:
        source = HERE / request.param / kind
        for line in (source / "items.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            attrs = row["attrs"]
            if row["blob"] is not None:
                attrs["blob"] = base64.b64decode(row["blob"])
            engine.write([Put(Item(Key(row["pk"], row["sk"]), attrs))])
        for line in (source / "files.jsonl").read_text("utf-8").splitlines():
            kept = json.loads(line)
            path = tmp_path / kept["name"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(kept["data"]))
        return Left(tmp_path, engine, json.loads((source / "known.json").read_text("utf-8")))

    return restore


def sweep(site: Site) -> None:
    """As every minute: find what is due."""
    site.deployment.sweep.run(seconds=10)


def all_work(site: Site) -> None:
    """Whatever is due, until nothing is."""
    for _ in range(4):
        sweep(site)
        work(site, lambda _: True)


def turn(site: Site, turn_id: str) -> dict[str, Any]:
    answered = site.ask("GET", f"/turns/{turn_id}", person="ann")
    assert answered.status == 200, answered.text
    found: dict[str, Any] = answered.body
    return found


def asked(site: Site) -> list[str]:
    """What the model has been asked."""
    model = site.deployment.model
    assert isinstance(model, Clerk)
    return [json.dumps(each.messages) for each in model.requests]


def messages(site: Site, turn_id: str) -> list[str]:
    """What people see of the conversation of a turn, the oldest first."""
    conversation, _ = unpack(TURN_ID, turn_id, 2)
    answered = site.ask("GET", f"/conversations/{conversation}/messages", person="ann")
    assert answered.status == 200, answered.text
    return [each["text"] for each in reversed(answered.body)]


@pytest.fixture
def shop(restored: Callable[[str], Left]) -> Iterator[tuple[Site, dict[str, Any]]]:
    left = restored("shop")
    with site_of(left.folder, left.engine) as site:
        # Whatever held a lease is gone for good.
        site.clock.advance(left.known["now"] / 1000 - site.clock.now() / 1000 + 60)
        yield site, left.known


def test_turns_under_way_come_to_their_ends(shop: tuple[Site, dict[str, Any]]) -> None:
    site, known = shop
    stood = [turn(site, each)["status"] for each in [known["killed"], *known["queued"]]]
    assert "completed" not in stood
    all_work(site)
    for each in [known["killed"], *known["queued"]]:
        assert turn(site, each)["status"] == "completed"
    assert messages(site, known["queued"][0]) == ["refund 6", "Done.", "refund 7", "Done."]


def test_a_turn_whose_worker_died_goes_on_where_it_was(shop: tuple[Site, dict[str, Any]]) -> None:
    site, known = shop
    box, _ = unpack(TURN_ID, known["killed"], 2)
    sweep(site)
    work(site, lambda key: conversations(key) and key.id == box)
    assert turn(site, known["killed"])["status"] == "completed"
    # The call that it had made was not made again.
    [request] = asked(site)
    assert request.count("3 is refunded.") == 1


def test_what_was_said_is_there_and_is_remembered(shop: tuple[Site, dict[str, Any]]) -> None:
    site, known = shop
    expected = ["find 1", "Done.", "refund 2", "Done."]
    assert messages(site, known["talk"][0]) == expected
    assert [turn(site, each)["text"] for each in known["talk"]] == ["Done.", "Done."]
    assert turn(site, known["talk"][0])["usage"]["completionTokens"] == 10
    body = {"agent_id": "shop", "message": "find 8", "session_id": known["session"], "wait": 0}
    accepted = site.ask("POST", "/executor/turns", body, person="ann")
    all_work(site)
    assert turn(site, accepted.body["turn_id"])["status"] == "completed"
    remembered = next(request for request in asked(site) if "find 8" in request)
    assert "1 is on its way." in remembered
    assert "2 is refunded." in remembered
    assert messages(site, known["talk"][0]) == [*expected, "find 8", "Done."]


def test_an_approval_that_was_waited_for(shop: tuple[Site, dict[str, Any]]) -> None:
    site, known = shop
    [listed] = site.ask("GET", "/approvals", person="ann").body
    assert listed["approval_id"] == known["approval"]
    assert turn(site, known["parked"])["status"] == "awaiting_approval"
    decided = site.ask("POST", f"/approvals/{known['approval']}", {"approved": True}, person="ann")
    assert decided.status == 200, decided.text
    work(site, conversations)
    assert turn(site, known["parked"])["status"] == "completed"
    assert turn(site, known["behind"])["status"] == "awaiting_approval"


def test_deliveries_and_titles_that_were_waited_for(shop: tuple[Site, dict[str, Any]]) -> None:
    site, known = shop
    conversation, _ = unpack(TURN_ID, known["talk"][0], 2)
    all_work(site)
    entry = site.ask("GET", f"/conversations/{conversation}", person="ann").body
    # What the model calls it.
    assert entry["title"] == "Done."
    deliveries = BoxKey("deliver", "default", conversation)
    [waiting] = site.deployment.table.query(deliveries.partition).items
    assert waiting.attrs["attempts"] >= 1
    assert (waiting.body or {})["payload"]["url"] == CALLBACK


def test_everything_can_be_read(restored: Callable[[str], Left]) -> None:
    """Through the wrapper, bodies and versions included."""
    left = restored("shop")
    with site_of(left.folder, left.engine) as site:
        for turn_id in left.known["talk"]:
            conversation, _ = unpack(TURN_ID, turn_id, 2)
            key = box_key("default", conversation)
            items = site.deployment.table.query(key.partition).items
            assert {item.version for item in items} == {1}
            assert [item.key.sk for item in items if item.key.sk.startswith("MSG#")] == [
                f"MSG#{n:012d}" for n in range(8)
            ]


def test_a_history_that_was_not_told_yet(restored: Callable[[str], Left]) -> None:
    left = restored("history")
    with backed(left.folder, left.engine) as (site, backend):
        site.clock.advance(left.known["now"] / 1000 - site.clock.now() / 1000 + 60)
        all_work(site)
        told = [each["operation"] for each in backend.books.committed]
        assert told == ["begin", *["transcript"] * 4]
        texts = [
            each["body"]["content"]
            for each in backend.books.committed
            if each["operation"] == "transcript"
        ]
        assert texts == ["Hello", "Done.", "And now?", "Done."]
