"""Who an HTTP request comes from."""

from collections.abc import Mapping

import pytest

from shared.errors import ConfigurationError, Unauthorized, ValidationError
from shared.identity.credentials import LOCAL, Authenticator, Verifier
from shared.identity.principal import Principal
from shared.settings import Settings

TOKEN = "a-very-secret-service-token"
GOOD = {"Authorization": f"Bearer {TOKEN}"}
OPEN = Settings.load({}, loopback=True)
GUARDED = Settings.load({"SERVICE_TOKEN": TOKEN, "SERVICE_TENANT": "acme"})


def authenticated(
    headers: Mapping[str, str], settings: Settings, path: str = "/conversations"
) -> Principal:
    """Whom the headers stand for, where nothing is signed."""

    def nobody() -> Verifier:
        raise AssertionError("no token is to be verified")

    return Authenticator(settings, nobody).request(path, headers).principal


def test_everybody_is_local_when_nobody_is_asked() -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"X-On-Behalf-Of": "ann"}):
        assert authenticated(headers, OPEN) is LOCAL
    assert (LOCAL.tenant, LOCAL.user) == ("local", "local")
    assert LOCAL.has_role("admin")


@pytest.mark.parametrize(
    "headers",
    [GOOD, {"authorization": f"bearer {TOKEN}"}, {"AUTHORIZATION": f" BEARER  {TOKEN} "}],
)
def test_the_token_is_the_service(headers: dict[str, str]) -> None:
    principal = authenticated(headers, GUARDED)
    assert principal == Principal("acme", "service", frozenset({"service"}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": "Bearer tökén"},
        {"Authorization": "Bearer \udcff\ud800"},
        {"X-On-Behalf-Of": "ann"},
        {"X-On-Behalf-Of": "", "Authorization": "Bearer x"},
    ],
)
def test_nothing_else_is(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized) as caught:
        authenticated(headers, GUARDED)
    assert caught.value.message == "A valid credential is required."
    assert not caught.value.details


def test_the_service_may_speak_for_a_person_who_is_nothing_more() -> None:
    principal = authenticated({**GOOD, "x-on-behalf-of": " ann "}, GUARDED)
    assert principal == Principal("acme", "ann", frozenset({"user"}))
    assert not principal.has_role("service")


def as_sent(name: str) -> str:
    """A header with this name in UTF-8, as ASGI servers give it: byte by byte."""
    return name.encode().decode("latin-1")


@pytest.mark.parametrize("name", ["annà", "annÅ", "jörg", "李"])
def test_names_are_utf8(name: str) -> None:
    """The last byte of some of them is one that Python takes for white space."""
    headers = {**GOOD, "X-On-Behalf-Of": f" {as_sent(name)}\t"}
    assert authenticated(headers, GUARDED).user == name


@pytest.mark.parametrize("header", ["ann\xc3", "\xff", "ann\u0161"])
def test_and_nothing_else(header: str) -> None:
    with pytest.raises(ValidationError, match="in UTF-8"):
        authenticated({**GOOD, "X-On-Behalf-Of": header}, GUARDED)


@pytest.mark.parametrize("person", ["", "  ", "x" * 129, "a\tb", "service"])
def test_it_must_be_a_person(person: str) -> None:
    with pytest.raises(ValidationError, match="Leave it out to act for the whole tenant"):
        authenticated({**GOOD, "X-On-Behalf-Of": person}, GUARDED)


def test_a_deployment_without_a_token_lets_nobody_in() -> None:
    with pytest.raises(ConfigurationError, match="SERVICE_TOKEN is needed"):
        authenticated(GOOD, Settings.load({}))
