"""What an erasure takes and leaves beside the conversations that it means."""

import json
from urllib.parse import quote

import pytest

from shared.conversations.asking import with_contact
from shared.conversations.items import Session, box_key, known_session_key, session_key
from shared.conversations.uploads import upload_name
from shared.conversations.usage import day_of, shards
from shared.identity.principal import Principal
from shared.models.port import Usage
from shared.storage.bodies import SPILL_BYTES, spill_name
from shared.storage.table import Item, Key, Put
from shared.tools.workspace import conversation_folder
from tests.deleting.house import ADMIN, ANN, BOB, House
from tests.deleting.test_erasure import erase, opened, state
from tests.walls.people import Person

GONE = "0191f3a4-0000-4000-8000-00000000000a"
"""A conversation that is not there."""


def test_the_budget_of_today_stays(house: House) -> None:
    table, ledger = house.deployment.table, house.deployment.ledger
    table.write([ledger.add("acme", "c", Usage(1, 1, 0, 0, 2 * 10**9))])
    today = day_of(house.clock.now())
    old = shards("acme", day_of(house.clock.now() - 3 * 24 * 3600 * 1000))[0]
    stays = [Key("RATE#acme#m", "RATE"), Key("CONTEXT#acme#1", "CONTEXT")]
    goes = [old, Key("IDEM#acme#1", "IDEM"), Key("AGENT#acme#a", "CONFIG")]
    table.write([Put(Item(key)) for key in [*stays, *goes]])
    erase(house, ADMIN, "/tenants/acme/data")
    house.rest(4)
    counters = [item for item in table.get(shards("acme", today)) if item]
    assert sum(item.attrs["cost"] for item in counters) == 2 * 10**9
    assert None not in table.get(stays)
    assert table.get(goes) == [None, None, None]


def shared_with_bob(house: House, **more: str) -> tuple[str, Session]:
    """A conversation of Ann's, and Bob's session in it."""
    room = {"name": "room", "instructions": "You help.", "shared_conversations": True}
    folder = house.deployment.settings.assistant_local_config_dir
    assert folder is not None
    (folder / "room.yaml").write_text(json.dumps(room), "utf-8")
    agent = house.deployment.agents.get("room", "acme")
    ann, bob = (Principal(tenant="acme", user=each, roles=frozenset()) for each in ("ann", "bob"))
    conversation = house.deployment.sessions.open(ann, agent).conversation
    session = house.deployment.sessions.open(
        bob, agent, conversation=conversation, user_name="Robert Butler", extra=more
    )
    assert session.conversation == conversation
    house.deployment.table.write([with_contact(session.id, {"email": "bob@private.example"})])
    return conversation, session


def test_sessions_in_conversations_of_others_go_with_their_user(house: House) -> None:
    conversation, session = shared_with_bob(house, note="x".join(map(str, range(2 * SPILL_BYTES))))
    assert any(session.id in name for name in house.names()), "nothing was spilled"
    house.clock.advance(1)
    deletion = erase(house, BOB, "/users/bob/data")
    house.clock.advance(1)
    bob = Principal(tenant="acme", user="bob", roles=frozenset())
    agent = house.deployment.agents.get("room", "acme")
    later = house.deployment.sessions.open(bob, agent, conversation=conversation)
    house.rest(4)
    assert house.traces([session.id, "bob@private.example"]) == []
    assert house.traces([later.id]), "it was opened later"
    assert house.by(ANN, "GET", f"/conversations/{conversation}").status == 200
    assert state(house, deletion)["items"] == 2


def test_turns_in_them_are_cancelled_before(house: House) -> None:
    _, session = shared_with_bob(house)
    table, box = house.deployment.table, box_key("acme", session.conversation)
    keys = [session_key(session.id), known_session_key(box, session.id)]
    assert None not in table.get(keys)
    house.working = False
    asked = house.by(
        BOB,
        "POST",
        "/executor/turns",
        {"agent_id": "room", "message": "Hi", "session_id": session.id, "wait": 0},
    )
    assert asked.status == 202, asked.text
    # The erasure comes before the turn.
    house.wakes.queued.clear()
    erase(house, BOB, "/users/bob/data")
    house.working = True
    house.rest(6)
    assert table.get(keys) == [None, None]
    assert house.by(BOB, "GET", f"/turns/{asked.body['turn_id']}").body["status"] == "cancelled"
    assert house.clerk.requests == []


def sent(house: House) -> list[str]:
    return [name for name in house.names() if not name.startswith("agents/")]


def test_files_that_came_later_go_with_their_tenant(house: House) -> None:
    conversation = opened(house, ANN)[0]
    strange = Principal(tenant="globex", user="ann", roles=frozenset())
    foreign = house.deployment.sessions.open(strange, house.deployment.agents.get("shop", "globex"))
    house.clock.advance(1)
    late = [
        conversation_folder("acme", GONE) + "files/secret.txt",
        upload_name("acme", GONE, "0" * 32),
        spill_name(f"CONV#acme#{GONE}"),
        spill_name(f"TITLE#acme#{GONE}"),
        conversation_folder("acme", conversation) + "results/0-0.txt",
    ]
    kept = [
        conversation_folder("globex", GONE) + "files/a.txt",
        spill_name(f"CONV#acme2#{GONE}"),
        spill_name(f"CONV#globex#{foreign.conversation}"),
    ]
    deletion = erase(house, ADMIN, "/tenants/acme/data")
    house.clock.advance(1)
    young = opened(house, BOB)[0]
    kept += [
        conversation_folder("acme", young) + "files/a.txt",
        spill_name(f"CONV#acme#{young}"),
        upload_name("acme", young, "1" * 32),
    ]
    for name in [*late, *kept]:
        house.files.put(name, b"sent")
    house.rest(6)
    assert sorted(sent(house)) == sorted(kept)
    assert state(house, deletion)["status"] == "deleted"


def test_a_long_body_of_one_that_begins_stays(local_house: House) -> None:
    """Its file is written before its items."""
    house = local_house
    name = spill_name(f"CONV#acme#{GONE}")
    house.files.put(name, b"long")
    erase(house, ADMIN, "/tenants/acme/data")
    house.work()
    assert sent(house) == [name], "it may be one that begins"
    meta = Item(Key(f"CONV#acme#{GONE}", "META"), {"owner": "ann", "created_at": 10**15})
    house.deployment.table.write([Put(meta)])
    house.rest(3)
    assert sent(house) == [name]


@pytest.mark.parametrize("name", ["org/ann", "/", "ann/data", "data"])
def test_names_with_slashes(local_house: House, name: str) -> None:
    house = local_house
    person = Person("acme", name)
    mine, others = opened(house, person), opened(house, ANN)
    erase(house, person, f"/users/{quote(name, safe='')}/data")
    house.rest(3)
    assert house.traces(mine) == []
    assert house.traces(others)


def test_tenants_with_slashes(local_house: House) -> None:
    house = local_house
    boss = Person("acme/emea", "max", roles=("admin",))
    mine, others = opened(house, boss), opened(house, ANN)
    erase(house, boss, f"/tenants/{quote(boss.tenant, safe='')}/data")
    house.rest(3)
    assert house.traces(mine) == []
    assert house.traces(others)
