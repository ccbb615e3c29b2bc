"""When the keys of a provider are fetched, and how long they serve."""

import json
from collections.abc import Iterator

import pytest

from shared.errors import ServiceUnavailable
from shared.identity.jwks import COOLDOWN, FIRST_COOLDOWN, LIFE, MAX_STALE, Jwks
from tests.identity.logged import Lines, logged
from tests.identity.rotation import NEW, NEW_KEY, OLD, OLD_KEY, has
from tests.identity.token_samples import Provider, jwk, pem, rsa_key
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def provider() -> Provider:
    return Provider(OLD_KEY)


@pytest.fixture
def keys(provider: Provider, clock: FakeClock) -> Jwks:
    return Jwks(provider.fetch, clock)


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logged() as lines:
        yield lines


def test_nothing_is_fetched_before_it_is_needed(keys: Jwks, provider: Provider) -> None:
    assert provider.fetches == 0
    assert has(keys, OLD)
    assert has(keys, OLD)
    assert provider.fetches == 1


def test_keys_are_fetched_again_after_a_while(
    keys: Jwks, provider: Provider, clock: FakeClock
) -> None:
    assert has(keys, OLD)
    clock.advance(LIFE - 0.001)
    assert has(keys, OLD)
    assert provider.fetches == 1
    clock.advance(0.001)
    assert has(keys, OLD)
    assert provider.fetches == 2


def test_rotation(keys: Jwks, provider: Provider, clock: FakeClock) -> None:
    assert has(keys, OLD)
    clock.advance(COOLDOWN)
    provider.publish(OLD_KEY, NEW_KEY)
    assert has(keys, NEW)
    assert has(keys, OLD)
    assert provider.fetches == 2
    provider.publish(NEW_KEY)
    clock.advance(LIFE - 1)
    assert has(keys, OLD)
    clock.advance(1)
    assert not has(keys, OLD)
    assert has(keys, NEW)
    assert provider.fetches == 3


def test_a_name_may_get_another_key(keys: Jwks, provider: Provider, clock: FakeClock) -> None:
    assert has(keys, OLD)
    provider.publish(jwk(rsa_key("new"), kid="old"))
    clock.advance(LIFE)
    assert pem(keys.find(OLD)) == pem(rsa_key("new"))


def test_made_up_names_do_not_hammer_the_provider(
    keys: Jwks, provider: Provider, clock: FakeClock
) -> None:
    assert has(keys, OLD)
    seconds = 10 * COOLDOWN
    for number in range(4 * seconds):
        assert not has(keys, {"alg": "RS256", "kid": f"made up {number}"})
        assert not has(keys, {"alg": "ES256", "kid": "old"})
        assert has(keys, OLD)
        clock.advance(0.25)
    assert provider.fetches == 1 + (10 - 1)


def test_nor_while_it_does_not_answer(keys: Jwks, provider: Provider, clock: FakeClock) -> None:
    """Without any keys there is nothing to go on with, so it is tried again sooner."""
    provider.fault = OSError("down")
    for _ in range(4 * 10 * FIRST_COOLDOWN):
        with pytest.raises(ServiceUnavailable):
            keys.find(OLD)
        clock.advance(0.25)
    assert provider.fetches == 10
    provider.fault = None
    clock.advance(FIRST_COOLDOWN)
    assert has(keys, OLD)


def test_a_new_key_is_found_once_the_pause_is_over(
    keys: Jwks, provider: Provider, clock: FakeClock
) -> None:
    assert not has(keys, NEW)
    provider.publish(OLD_KEY, NEW_KEY)
    clock.advance(COOLDOWN - 0.001)
    assert not has(keys, NEW)
    clock.advance(0.001)
    assert has(keys, NEW)


def test_an_outage(keys: Jwks, provider: Provider, clock: FakeClock) -> None:
    assert has(keys, OLD)
    provider.fault = TimeoutError("slow")
    passed = 0
    while passed + COOLDOWN < MAX_STALE:
        clock.advance(COOLDOWN)
        passed += COOLDOWN
        assert has(keys, OLD)
        assert not has(keys, NEW)
    clock.advance(MAX_STALE - passed)
    for header in (OLD, NEW):
        with pytest.raises(ServiceUnavailable, match="cannot be fetched; try again"):
            keys.find(header)
    provider.fault = None
    clock.advance(COOLDOWN)
    assert has(keys, OLD)
    assert not has(keys, NEW)


def test_after_a_failure_the_next_attempt_waits(
    keys: Jwks, provider: Provider, clock: FakeClock
) -> None:
    assert has(keys, OLD)
    provider.fault = OSError("down")
    clock.advance(LIFE)
    for _ in range(10):
        assert has(keys, OLD)
    assert provider.fetches == 2
    provider.fault = None
    provider.publish(NEW_KEY)
    clock.advance(COOLDOWN)
    assert not has(keys, OLD)
    assert provider.fetches == 3


def test_a_broken_document_is_a_failure(keys: Jwks, provider: Provider, clock: FakeClock) -> None:
    assert has(keys, OLD)
    provider.document = b"<html>maintenance</html>"
    clock.advance(LIFE)
    assert has(keys, OLD)


def test_an_empty_set_withdraws_all_keys(
    keys: Jwks, provider: Provider, clock: FakeClock, lines: Lines
) -> None:
    assert has(keys, OLD)
    provider.publish()
    clock.advance(LIFE)
    assert not has(keys, OLD)
    (line,) = lines()
    assert line["level"] == "WARNING"
    assert line["message"] == "the identity provider publishes no key that can be used"


def test_a_slow_answer_is_as_old_as_its_question(clock: FakeClock) -> None:
    provider = Provider(OLD_KEY)

    def slow() -> bytes:
        clock.advance(20)
        return provider.fetch()

    keys = Jwks(slow, clock)
    assert has(keys, OLD)
    clock.advance(LIFE - 20)
    assert has(keys, OLD)
    assert provider.fetches == 2


def test_slow_failures_do_not_follow_each_other_at_once(clock: FakeClock) -> None:
    provider = Provider()
    provider.fault = TimeoutError("slow")

    def slow() -> bytes:
        clock.advance(2 * COOLDOWN)
        return provider.fetch()

    keys = Jwks(slow, clock)
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            keys.find(OLD)
    assert provider.fetches == 1


def test_a_clock_that_is_set_back(provider: Provider) -> None:
    clock = FakeClock()
    keys = Jwks(provider.fetch, clock)
    assert has(keys, OLD)
    clock.advance(-3600)
    provider.publish(NEW_KEY)
    assert not has(keys, OLD)
    assert has(keys, NEW)
    assert provider.fetches == 2


def test_each_failure_is_one_warning_without_the_address(
    keys: Jwks, provider: Provider, clock: FakeClock, lines: Lines
) -> None:
    provider.fault = OSError("https://id.example.com/keys?secret=hunter2")
    for _ in range(3):
        for _ in range(5):
            with pytest.raises(ServiceUnavailable):
                keys.find(OLD)
        clock.advance(COOLDOWN)
    said = lines()
    assert [line["message"] for line in said] == ["keys of tokens not refreshed"] * 3
    assert {line["level"] for line in said} == {"WARNING"}
    assert "OSError" in said[0]["exception"]
    assert "hunter2" not in json.dumps(said)
    assert "example.com" not in json.dumps(said)
