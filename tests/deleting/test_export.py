"""A conversation is exported: everything that was said and done in it, in order."""

import json
from typing import Any

import pytest

from shared.conversations.items import meta_key
from shared.mailbox.jobs import message_key
from shared.storage.expressions import Assign
from shared.storage.table import Item, Put, Update
from shared.tools.workspace import conversation_folder
from tests.deleting.house import ADMIN, ANN, BOB, STRANGER, House, lived
from tests.web.shop import refused
from tests.web.site import next_page


def exported(house: House, conversation: str) -> tuple[list[dict[str, Any]], int]:
    """All lines, and of how many pages."""
    lines: list[dict[str, Any]] = []
    path: str | None = f"/conversations/{conversation}/export"
    pages = 0
    while path is not None:
        answered = house.by(ANN, "GET", path)
        assert answered.status == 200, answered.text
        assert answered.headers["content-type"].startswith("application/x-ndjson")
        lines += [json.loads(line) for line in answered.text.splitlines()]
        path, pages = next_page(answered), pages + 1
        assert pages < 50
    return lines, pages


def test_everything_in_order(house: House) -> None:
    made = lived(house)
    (first, *messages), _ = exported(house, made.conversation)
    assert first["type"] == "conversation"
    assert (first["format"], first["version"]) == ("parley-conversation", 1)
    assert (first["conversation_id"], first["user"]) == (made.conversation, "ann")
    assert [each["number"] for each in messages] == list(range(len(messages)))
    assert [each["role"] for each in messages[:4]] == ["user", "assistant", "tool", "assistant"]
    assert messages[0]["text"] == "Refund 42"
    assert messages[1]["content"][0]["type"] == "tool_use"
    assert messages[2]["text"] == "500 back for 42"
    assert messages[3]["text"] == "Done."
    assert messages[3]["usage"]["completionTokens"] >= 0
    turn = house.by(ANN, "GET", f"/turns/{messages[3]['turn_id']}").body
    assert turn["usage"] == messages[3]["usage"]


def test_long_results_are_resolved_or_named(local_house: House) -> None:
    house = local_house
    made = lived(house)
    folder = conversation_folder("acme", made.conversation)
    house.files.put(f"{folder}results/long.txt", b"all of it")
    house.files.put(f"{folder}results/longer.txt", b"x" * 600_000)
    for number, name in enumerate(("long", "longer", "gone"), start=6):
        _said(house, made, number, role="tool", text="it", artifact=f"{folder}results/{name}.txt")
    _said(house, made, 9, role="tool", text="it", artifact="conversations/globex/x/results/y.txt")
    (_, *messages), _ = exported(house, made.conversation)
    told = [(each.get("file"), each.get("full_text")) for each in messages if each["number"] > 5]
    assert told == [
        ("results/long.txt", "all of it"),
        ("results/longer.txt", None),
        ("results/gone.txt", None),
        (None, None),
    ]


def _said(house: House, made: Any, number: int, **body: Any) -> None:
    message = {"id": f"m{number}", "at": 1, "turn": "t", **body}
    house.deployment.table.write([Put(Item(message_key(made.box, number), {}, message))])


def test_pages_of_a_megabyte(local_house: House) -> None:
    house = local_house
    made = lived(house)
    for number in range(6, 21):
        _said(house, made, number, role="user", text=f"{number % 10}" * 150_000)
    lines, pages = exported(house, made.conversation)
    numbers = [each["number"] for each in lines[1:]]
    assert numbers == sorted(set(numbers))
    assert numbers[-15:] == list(range(6, 21))
    assert pages >= 3
    answered = house.by(ANN, "GET", f"/conversations/{made.conversation}/export")
    assert len(answered.text.encode()) <= 1024 * 1024


def test_one_message_beyond_a_megabyte(local_house: House) -> None:
    house = local_house
    made = lived(house)
    for number in (6, 7):
        _said(house, made, number, role="user", text="x" * 1_200_000)
    lines, _ = exported(house, made.conversation)
    assert [each["number"] for each in lines[-2:]] == [6, 7]


@pytest.mark.parametrize("cursor", ["x", "eDA1", "bTE", "%C3%A9", "eC0x"])
def test_a_cursor_of_something_else(local_house: House, cursor: str) -> None:
    made = lived(local_house)
    path = f"/conversations/{made.conversation}/export?cursor={cursor}"
    refused(local_house.by(ANN, "GET", path), 422, "VALIDATION_ERROR")


def test_who_may(local_house: House) -> None:
    house = local_house
    made = lived(house)
    path = f"/conversations/{made.conversation}/export"
    for person in (BOB, ADMIN, STRANGER):
        refused(house.by(person, "GET", path), 404, "CONVERSATION_NOT_FOUND")
    shared = Update(meta_key(made.box), [Assign(("shared",), True)])
    house.deployment.table.write([shared])
    # What Ann has looked up is not for all who take part.
    refused(house.by(BOB, "GET", path), 404, "CONVERSATION_NOT_FOUND")
    assert house.by(ANN, "GET", path).status == 200
    refused(
        house.by(BOB, "DELETE", f"/conversations/{made.conversation}"),
        404,
        "CONVERSATION_NOT_FOUND",
    )
