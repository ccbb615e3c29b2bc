"""What a token claims: times, issuer and audience, and the principal."""

from typing import Any

import pytest

from shared.errors import Unauthorized
from shared.identity.principal import Credential, Principal
from tests.identity.token_samples import MISSING, NOW, claims, signed, verifier
from tests.support.clock import FakeClock


def credential(*, settings: Any = None, **more: Any) -> Credential:
    """Of a token with these claims."""
    checked: Credential = verifier(**(settings or {})).verify(signed(claims(**more)))
    return checked


def principal(**more: Any) -> Principal:
    return credential(**more).principal


def refused(*, settings: Any = None, **more: Any) -> None:
    with pytest.raises(Unauthorized):
        credential(settings=settings, **more)


NO_TEXTS = [None, 1, 1.5, True, [], ["x"], {}, {"x": "y"}]
NO_NUMBERS: list[Any] = [
    *(None, "1700000600", True, False, [], [NOW + 600], {}, 10**400, -1, -1e300, NOW * 1000)
]

# -- times ------------------------------------------------------------------------------------


def test_a_token_expires() -> None:
    clock = FakeClock()
    checks, token = verifier(clock=clock, leeway=30), signed(claims(exp=NOW + 60))
    assert checks.verify(token).expires_at == (NOW + 60) * 1000
    clock.advance(90)
    assert checks.verify(token).expires_at == (NOW + 60) * 1000
    clock.advance(0.001)
    with pytest.raises(Unauthorized):
        checks.verify(token)


def test_without_leeway_it_expires_at_once() -> None:
    assert credential(settings={"leeway": 0}, exp=NOW).expires_at == NOW * 1000
    refused(settings={"leeway": 0}, exp=NOW - 0.001)
    refused(exp=NOW - 30.001)
    assert credential(exp=NOW - 30)


def test_a_time_may_have_a_fraction() -> None:
    assert credential(exp=NOW + 1.25).expires_at == NOW * 1000 + 1250


@pytest.mark.parametrize("value", [MISSING, *NO_NUMBERS])
def test_when_it_expires_must_be_said(value: Any) -> None:
    refused(exp=value)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_it_may_not_come_from_the_future(name: str) -> None:
    assert credential(**{name: NOW - 1e6})
    assert credential(**{name: NOW + 30})
    refused(**{name: NOW + 30.001})
    refused(settings={"leeway": 0}, **{name: NOW + 1})


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_other_times_are_times(name: str, value: Any) -> None:
    refused(**{name: value})


# -- issuer and audience ----------------------------------------------------------------------


def test_the_issuer() -> None:
    settings = {"issuer": "https://id.example.com/"}
    assert credential(settings=settings, iss="https://id.example.com/")
    for other in ("https://id.example.com", "https://ID.example.com/", "", MISSING, *NO_TEXTS):
        refused(settings=settings, iss=other)
    refused(settings=settings, iss=["https://id.example.com/"])


def test_without_an_issuer_any_text_will_do() -> None:
    assert credential(iss="https://id.example.com/")
    for other in NO_TEXTS:
        refused(iss=other)


def test_the_audience() -> None:
    settings = {"audience": ("parley", "chat")}
    for good in ("parley", "chat", ["chat"], ["other", "parley"]):
        assert credential(settings=settings, aud=good)
    for other in ("other", "parle", "parley,chat", ["other"], "", MISSING, *NO_TEXTS):
        refused(settings=settings, aud=other)
    refused(settings=settings, aud=["parley", 1])
    refused(settings=settings, aud={"parley": 1})


@pytest.mark.parametrize("aud", ["parley", "", [], ["parley"], None])
def test_without_an_audience_a_token_may_name_none(aud: Any) -> None:
    refused(aud=aud)


# -- who it is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [MISSING, *NO_TEXTS, "", " ", "x" * 129, "a\nb", "a\x00", "a\u202eb"]
)
def test_the_user(value: Any) -> None:
    refused(sub=value)


def test_a_user_may_be_called_anything_printable() -> None:
    assert principal(sub="auth0|5f7c8ec7c33c6c004bbafe82").user == "auth0|5f7c8ec7c33c6c004bbafe82"
    assert principal(sub="Zoë 😀").user == "Zoë 😀"


@pytest.mark.parametrize(
    ("given", "tenant"),
    [
        ({"tenant": "a", "org": "b", "org_id": "c"}, "a"),
        ({"tenant": MISSING, "org": "b", "org_id": "c"}, "b"),
        ({"tenant": MISSING, "org_id": "c"}, "c"),
        ({"tenant": MISSING}, "usual"),
    ],
)
def test_the_tenant(given: dict[str, Any], tenant: str) -> None:
    assert principal(settings={"tenant": "usual"}, **given).tenant == tenant


def test_without_a_tenant_nobody_comes_in() -> None:
    refused(tenant=MISSING)


@pytest.mark.parametrize("name", ["tenant", "org", "org_id"])
@pytest.mark.parametrize("value", [*NO_TEXTS, "", "x" * 129, "a\nb"])
def test_a_tenant_that_is_none_is_not_passed_over(name: str, value: Any) -> None:
    others = {"tenant": MISSING, "org_id": "c"}
    refused(settings={"tenant": "usual"}, **{**others, name: value})


def test_the_address() -> None:
    assert principal().email is None
    assert principal(email="ann@example.com").email == "ann@example.com"
    for proof in (True, "true"):
        assert principal(email="ann@example.com", email_verified=proof).email is not None
    doubts: list[Any] = [False, "false", None, "", 0, 1, [], "True"]
    for doubt in doubts:
        assert principal(email="ann@example.com", email_verified=doubt).email is None


@pytest.mark.parametrize("value", [*NO_TEXTS, "", "x" * 255, "a\nb@example.com"])
def test_an_address_that_is_none(value: Any) -> None:
    refused(email=value)


@pytest.mark.parametrize("name", ["groups", "cognito:groups"])
def test_groups(name: str) -> None:
    assert principal(**{name: []}).groups == frozenset()
    assert principal(**{name: ["a", "b", "a"]}).groups == {"a", "b"}
    for other in (None, "a", 1, True, {"a": 1}, ["a", 1], [["a"]], [""], ["x" * 129], ["a\n"]):
        refused(**{name: other})
    refused(**{name: [str(number) for number in range(257)]})


def test_the_first_list_of_groups_counts() -> None:
    assert principal(groups=["a"], **{"cognito:groups": ["b"]}).groups == {"a"}


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ({}, {"user"}),
        ({"roles": []}, {"user"}),
        ({"roles": ["agent", "admin"]}, {"agent", "admin", "user"}),
        ({"roles": "agent"}, {"agent", "user"}),
        ({"role": "agent"}, {"agent", "user"}),
        ({"roles": ["a"], "role": "b"}, {"a", "b", "user"}),
        ({"roles": ["service"]}, {"service"}),
        ({"role": "service", "roles": ["a"]}, {"service", "a"}),
        ({"roles": ["service", "user"]}, {"service", "user"}),
        ({"roles": ["all"]}, {"user"}),
        ({"role": "all"}, {"user"}),
        ({"roles": ["all", "agent"], "role": "all"}, {"agent", "user"}),
    ],
)
def test_roles(given: dict[str, Any], roles: set[str]) -> None:
    assert principal(**given).roles == roles


def test_a_token_gives_no_role_that_it_does_not_name() -> None:
    ann = principal(roles=["all", "ALL"])
    assert not ann.has_role("service")
    assert not ann.has_role("admin")


@pytest.mark.parametrize(
    "value", [None, 1, True, {}, {"admin": 1}, ["a", 1], [["a"]], [""], ["\n"]]
)
def test_roles_that_are_none(value: Any) -> None:
    refused(roles=value)
    refused(role=value)


def test_a_single_role_is_no_list() -> None:
    refused(role=["agent"])


def test_nobody_is_called_as_the_service_is() -> None:
    refused(sub="service")
    refused(sub="service", roles=["admin", "all"])
    assert principal(sub="service", role="service").has_role("service")


# -- once -------------------------------------------------------------------------------------

ONCE = {"single_use": True}


def test_a_name_stands_for_one_token() -> None:
    def once(**more: Any) -> str | None:
        return credential(settings=ONCE, **more).once

    names = [
        once(jti="1"),
        once(jti="2"),
        once(jti="1", iss="a"),
        once(jti="1", iss="b"),
        once(jti="a1", iss=""),
        once(jti="1", iss="null"),
    ]
    assert len(set(names)) == len(names)
    assert once(jti="1", sub="bob", exp=NOW + 10) == names[0]
    assert all(name and len(name) == 64 and name.isalnum() for name in names)


@pytest.mark.parametrize("value", [MISSING, "", *NO_TEXTS])
def test_a_token_for_one_use_has_an_id(value: Any) -> None:
    refused(settings=ONCE, jti=value)


def test_otherwise_it_needs_none() -> None:
    assert credential(jti="1").once is None
    refused(jti=1)
