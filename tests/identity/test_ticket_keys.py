"""Asking for a ticket twice with the same Idempotency-Key."""

import pytest

from shared.errors import Unauthorized, ValidationError
from shared.identity.principal import Credential, Principal
from shared.identity.tickets import LIFE_MS, Tickets
from tests.identity.ticket_samples import ANN, BOB, SECRET, admit, issue
from tests.support.clock import FakeClock


def test_the_same_key_gives_the_same_ticket(tickets: Tickets, clock: FakeClock) -> None:
    first = tickets.issue(Credential(principal=ANN), signing_secret=SECRET, idempotency_key="k")
    clock.advance(30)
    assert (
        tickets.issue(Credential(principal=ANN), signing_secret=SECRET, idempotency_key="k")
        == first
    )
    assert admit(tickets, first[0]) == ANN


def test_asking_again_does_not_revive_a_used_ticket(tickets: Tickets) -> None:
    ticket = issue(tickets, key="k")
    admit(tickets, ticket, "c1")
    assert issue(tickets, key="k") == ticket
    with pytest.raises(Unauthorized):
        admit(tickets, ticket, "c2")


def test_after_its_life_the_key_stands_for_another_ticket(
    tickets: Tickets, clock: FakeClock
) -> None:
    first = issue(tickets, key="k")
    clock.advance(LIFE_MS / 1000)
    second = issue(tickets, key="k")
    assert second != first
    assert admit(tickets, second) == ANN
    with pytest.raises(Unauthorized):
        admit(tickets, first, "c2")


def test_keys_belong_to_a_principal(tickets: Tickets) -> None:
    admin = Principal("acme", "ann", frozenset({"user", "admin"}))
    asked = [issue(tickets, who, "k") for who in (ANN, BOB, admin)]
    assert len({*asked, issue(tickets, ANN, "other")}) == 4
    assert admit(tickets, asked[1], "c2") == BOB


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb"])
def test_keys_that_are_none(tickets: Tickets, key: str) -> None:
    with pytest.raises(ValidationError, match="Idempotency-Key must be"):
        issue(tickets, key=key)
