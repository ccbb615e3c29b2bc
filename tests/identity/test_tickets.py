"""Tickets: one connection each, for a minute, whatever the store does."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.errors import Unauthorized
from shared.identity.principal import Credential, Principal
from shared.identity.tickets import LIFE_MS, Tickets
from shared.mailbox.requests import RiderFailed
from shared.storage.table import Key, Table
from tests.identity.ticket_samples import ANN, BOB, SECRET, Build, admit, issue, stored
from tests.support.clock import FakeClock
from tests.support.faults import Call, Fault, Plan


def test_a_ticket_admits_its_principal(tickets: Tickets, table: Table, clock: FakeClock) -> None:
    ticket, expires_at = tickets.issue(Credential(principal=ANN), signing_secret=SECRET)
    assert expires_at == clock.now() + LIFE_MS
    assert admit(tickets, ticket) == ANN
    item = stored(table)
    assert item is not None
    assert Principal.from_dict(item.attrs["principal"]) == ANN


def test_tickets_differ(tickets: Tickets) -> None:
    assert len({issue(tickets) for _ in range(20)}) == 20


def test_the_ticket_itself_is_not_stored(tickets: Tickets, tmp_path: Path) -> None:
    for key in (None, "k"):
        ticket = issue(tickets, key=key)
        files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
        assert not any(ticket.encode() in data for data in files)


def test_the_item_may_go_after_a_while(tickets: Tickets, table: Table) -> None:
    ticket, expires_at = tickets.issue(Credential(principal=ANN), signing_secret=SECRET)
    digest = hashlib.sha256(ticket.encode()).hexdigest()
    item = table.get([Key(f"TICKET#{digest}", "TICKET")])[0]
    assert item is not None
    assert item.ttl is not None
    assert item.ttl > expires_at // 1000
    assert item.attrs["tenant"] == "acme"


def test_a_ticket_admits_one_connection(tickets: Tickets, table: Table) -> None:
    ticket = issue(tickets)
    admit(tickets, ticket, "c1")
    with pytest.raises(Unauthorized):
        admit(tickets, ticket, "c2")
    assert stored(table, "c2") is None


def test_the_same_connection_may_ask_again(tickets: Tickets) -> None:
    ticket = issue(tickets)
    assert admit(tickets, ticket) == admit(tickets, ticket) == ANN


def test_a_ticket_lives_for_a_minute(tickets: Tickets, table: Table, clock: FakeClock) -> None:
    early, late = issue(tickets), issue(tickets)
    clock.advance((LIFE_MS - 1) / 1000)
    assert admit(tickets, early) == ANN
    clock.advance(0.001)
    with pytest.raises(Unauthorized):
        admit(tickets, late, "c2")
    assert stored(table, "c2") is None


@pytest.mark.parametrize(
    "ticket", ["", "x", "x" * 43, "x" * 44, "x" * 100_000, "x" * 42 + "#", "ä" * 43, "\ud800" * 43]
)
def test_other_texts_admit_nobody(tickets: Tickets, ticket: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        admit(tickets, ticket)
    assert caught.value.message == "A valid credential is required."


@pytest.mark.parametrize("ticket", ["x", "x" * 100_000])
def test_what_cannot_be_a_ticket_costs_no_store_call(build: Build, ticket: str) -> None:
    calls: list[Call] = []
    tickets, _ = build(calls.append)
    with pytest.raises(Unauthorized):
        admit(tickets, ticket)
    assert calls == []


def test_of_many_at_once_one_gets_in(tickets: Tickets, table: Table) -> None:
    ticket = issue(tickets)
    admitted: list[str] = []

    def try_it(name: str) -> None:
        try:
            admit(tickets, ticket, name)
        except Unauthorized:
            return
        admitted.append(name)

    names = [f"c{number}" for number in range(8)]
    threads = [threading.Thread(target=try_it, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 1
    assert [name for name in names if stored(table, name)] == admitted


# -- faults -----------------------------------------------------------------------------------


def failing(method: str, faults: Sequence[Fault]) -> Plan:
    """These faults, one after the other, then none."""
    left = list(faults)
    return lambda call: left.pop(0) if call.method == method and left else None


SEQUENCES = [[fault] for fault in Fault] + [
    [Fault.LOST_ANSWER, Fault.LOST_ANSWER],
    [Fault.LOST_ANSWER, Fault.CONFLICT],
    [Fault.LOST_REQUEST, Fault.LOST_ANSWER],
]


@pytest.mark.parametrize("faults", SEQUENCES)
def test_redeeming_survives_faults(
    build: Build, tickets: Tickets, table: Table, faults: list[Fault]
) -> None:
    ticket = issue(tickets)
    faulty, _ = build(failing("write", faults))
    assert admit(faulty, ticket, "c1") == ANN
    assert stored(table, "c1") is not None
    with pytest.raises(Unauthorized):
        admit(tickets, ticket, "c2")


@pytest.mark.parametrize("faults", SEQUENCES)
@pytest.mark.parametrize("key", [None, "k"])
def test_issuing_survives_faults(
    build: Build, tickets: Tickets, faults: list[Fault], key: str | None
) -> None:
    faulty, _ = build(failing("write", faults))
    assert admit(tickets, issue(faulty, key=key)) == ANN


def test_a_connection_that_exists_is_not_taken_over(tickets: Tickets, table: Table) -> None:
    admit(tickets, issue(tickets), "c1")
    second = issue(tickets, BOB)
    with pytest.raises(RiderFailed):
        admit(tickets, second, "c1")
    item = stored(table, "c1")
    assert item is not None
    assert item.attrs["principal"]["user"] == "ann"
    assert admit(tickets, second, "c2") == BOB
