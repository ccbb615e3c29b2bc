"""An identity provider changes its keys, or is away: what its tokens are then good for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.identity.jwks import COOLDOWN, LIFE, MAX_STALE
from tests.doors.door import Door, door
from tests.doors.issuers import Provider, provider
from tests.scenarios.clocks import Later


@pytest.fixture
def issuer(clock: Later) -> Iterator[Provider]:
    with provider(clock) as made:
        yield made


@pytest.fixture
def here(tmp_path: Path, issuer: Provider, clock: Later) -> Iterator[Door]:
    with door(tmp_path, issuer, clock) as made:
        yield made


def status(here: Door, token: str) -> int:
    """What becomes of the token, which is the same at both doors."""
    asked = here.ask("GET", "/conversations", token).status
    knocked = here.knock(token=token).status
    assert knocked == {200: 101}.get(asked, asked)
    return asked


def test_a_new_key_counts_at_once_and_a_withdrawn_one_no_longer(
    here: Door, issuer: Provider
) -> None:
    old, new = issuer.signed_by("one"), issuer.signed_by("two")
    assert (status(here, old), status(here, new)) == (200, 401)
    here.clock.put_forward(COOLDOWN)
    issuer.publish("one", "two")
    assert (status(here, old), status(here, new)) == (200, 200)
    issuer.publish("two")
    here.clock.put_forward(LIFE)
    assert (status(here, new), status(here, old)) == (200, 401)


def test_made_up_names_of_keys_do_not_hammer_the_provider(here: Door, issuer: Provider) -> None:
    good, unknown = issuer.signed_by("one"), issuer.signed_by("unknown")
    assert status(here, good) == 200
    for _ in range(10):
        assert status(here, unknown) == 401
    assert issuer.asked == 1
    here.clock.put_forward(COOLDOWN)
    for _ in range(10):
        assert (status(here, unknown), status(here, good)) == (401, 200)
    assert issuer.asked == 2


def test_a_provider_that_is_away(here: Door, issuer: Provider) -> None:
    """Its last keys go on for an hour; then nobody can tell."""
    assert status(here, issuer.signed_by("one")) == 200
    issuer.fail()
    here.clock.put_forward(LIFE)
    assert status(here, issuer.signed_by("one")) == 200
    assert status(here, issuer.signed_by("two")) == 401
    here.clock.put_forward(MAX_STALE)
    answer = here.ask("GET", "/conversations", issuer.signed_by("one"))
    assert answer.status == 503
    assert answer.body["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert answer.body["error"]["retryable"]
    assert str(issuer.server.port) not in answer.text
    assert status(here, issuer.signed_by("one")) == 503
    here.clock.put_forward(COOLDOWN)
    issuer.publish("one")
    assert status(here, issuer.signed_by("one")) == 200


def test_a_provider_that_was_never_there(here: Door, issuer: Provider) -> None:
    issuer.fail()
    assert status(here, issuer.signed_by("one")) == 503
    # What is no token at all needs no keys to be refused.
    assert status(here, "nonsense") == 401
