"""What a user, a tenant or nobody has used for days is erased, and nothing else."""

import pytest

from shared.conversations.usage import day_of
from shared.identity.principal import Principal
from shared.storage.table import Item, Key, Put
from tests.deleting.house import ADMIN, ANN, BOB, STRANGER, Died, House, lived
from tests.faults.forms import sample
from tests.walls.people import Person
from tests.web.shop import refused

DAY = 24 * 3600
OTHER = Person("globex", "ann")


def erase(house: House, person: Person, path: str) -> str:
    answered = house.by(person, "DELETE", path)
    assert answered.status == 202, answered.text
    return str(answered.body["deletion_id"])


def state(house: House, deletion: str) -> dict[str, object]:
    answered = house.by(ADMIN, "GET", f"/deletions/{deletion}")
    assert answered.status == 200, answered.text
    return dict(answered.body)


def left_of_acme(house: House) -> list[str]:
    """What has the tenant's name, but for what counts today."""
    today = day_of(house.clock.now()).isoformat()
    counting = (f"'USAGE#acme#{today}'", "'RATE#acme#", "'CONTEXT#acme#", "'LIMIT#")
    return [each for each in house.traces(["#acme#"]) if not any(one in each for one in counting)]


def opened(house: House, person: Person) -> list[str]:
    """A conversation that has no message, so no list shows it."""
    principal = Principal(tenant=person.tenant, user=person.user, roles=frozenset())
    agent = house.deployment.agents.get("shop", person.tenant)
    session = house.deployment.sessions.open(principal, agent)
    return [session.conversation, session.id]


def test_a_users_data(house: House) -> None:
    mine, empty, others = lived(house), opened(house, ANN), lived(house, BOB)
    before = house.traces(others.words)
    deletion = erase(house, ANN, "/users/ann/data")
    assert erase(house, ADMIN, "/users/ann/data") == deletion, "it is under way"
    house.rest(6)
    assert house.traces([*mine.words, *empty]) == []
    assert set(house.traces(others.words)) >= set(before)
    told = state(house, deletion)
    assert (told["kind"], told["target"], told["status"]) == ("user", "ann", "deleted")
    assert told["conversations"] == 2
    assert erase(house, ADMIN, "/users/ann/data") != deletion, "that one is over"


def test_a_tenants_data(house: House) -> None:
    mine, others = lived(house), lived(house, BOB)
    foreign = opened(house, OTHER)
    before = house.traces(foreign)
    for number in range(3):
        house.deployment.table.write([Put(Item(Key(f"USAGE#acme#2001-01-0{number + 1}", "0")))])
    house.deployment.table.write([Put(Item(Key("USAGE#acme2#2001-01-01", "0")))])
    deletion = erase(house, ADMIN, "/tenants/acme/data")
    house.rest(6)
    assert house.traces([*mine.words, *others.words]) == []
    assert left_of_acme(house) == []
    assert house.traces(foreign) == before
    assert house.traces(["#acme2#"])
    told = state(house, deletion)
    assert (told["kind"], told["status"], told["conversations"]) == ("tenant", "deleted", 2)


def test_what_nobody_has_used_for_days(local_house: House) -> None:
    house = local_house
    old = opened(house, ANN)
    waits = lived(house, BOB)
    house.clock.advance(8 * DAY)
    young = opened(house, ANN)
    deletion = erase(house, ADMIN, "/tenants/acme/data?idle_days=7")
    house.rest(4)
    assert house.traces(old) == []
    assert house.traces(young)
    assert house.traces(waits.words), "it waits for somebody"
    assert state(house, deletion)["conversations"] == 1


def test_what_begins_meanwhile_stays(local_house: House) -> None:
    house = local_house
    opened(house, ANN)
    erase(house, ANN, "/users/ann/data")
    house.clock.advance(1)
    young = opened(house, ANN)
    house.rest(4)
    assert house.traces(young)


def test_who_may(local_house: House) -> None:
    house = local_house
    made = lived(house)
    before = house.traces(made.words)
    refused(house.by(BOB, "DELETE", "/users/ann/data"), 403, "FORBIDDEN")
    refused(house.by(BOB, "DELETE", "/users/nobody/data"), 403, "FORBIDDEN")
    refused(house.by(ANN, "DELETE", "/tenants/acme/data"), 403, "FORBIDDEN")
    refused(house.by(STRANGER, "DELETE", "/tenants/acme/data"), 404, "TENANT_NOT_FOUND")
    refused(house.by(STRANGER, "DELETE", "/tenants/nobody/data"), 404, "TENANT_NOT_FOUND")
    assert house.by(ADMIN, "DELETE", "/tenants/acme/data?idle_days=0").status == 422
    # The same name in another tenant is another user.
    erase(house, STRANGER, "/users/ann/data")
    house.rest(4)
    assert house.traces(made.words) == before


@pytest.mark.parametrize("number", sample(range(80), 8))
@pytest.mark.parametrize("at", ["before", "after"])
def test_a_kill(local_house: House, at: str, number: int) -> None:
    house = local_house
    made = lived(house)
    deletion = erase(house, ADMIN, "/tenants/acme/data")
    house.doomed(at, number)  # type: ignore[arg-type]  # before or after
    for _ in range(12):
        try:
            house.work()
            house.pass_time(61)
        except Died:
            house.survive()
    assert house.traces(made.words) == []
    assert left_of_acme(house) == []
    told = state(house, deletion)
    assert (told["status"], told["conversations"]) == ("deleted", 1)
