"""Which choices of parameters a deployment refuses before it makes anything."""

from typing import Any

import pytest

from tests.template.variables import PARAMETERS, TEMPLATE

RULES: dict[str, Any] = TEMPLATE["Rules"]
URL = {"AuthJwksUrl": "https://login.example.com/keys"}
PEM = {"AuthJwtPublicKey": "-----BEGIN PUBLIC KEY-----…"}
SECRET = {"AuthJwtSecret": "s" * 32}
ISSUER = {"AuthJwtIssuer": "somebody"}
JWT = {"AuthMode": "jwt"}
TOKEN = {"AuthMode": "token"}
ANSWERED = {"AnthropicApiKey": "given"}
BACKEND = {"BackendUrl": "https://product.example.com"}
BORNE = {"BackendToken": "t"}


def holds(condition: dict[str, Any], given: dict[str, str]) -> bool:
    [(kind, operands)] = condition.items()
    if kind == "Fn::Equals":
        left, right = (given[each["Ref"]] if isinstance(each, dict) else each for each in operands)
        return bool(left == right)
    each = [holds(operand, given) for operand in operands]
    match kind:
        case "Fn::Not":
            return not each[0]
        case "Fn::Or":
            return any(each)
    assert kind == "Fn::And"
    return all(each)


def broken(**chosen: str) -> set[str]:
    """The rules that these parameters break."""
    given = {name: str(each.get("Default", "")) for name, each in PARAMETERS.items()} | chosen
    return {
        name
        for name, rule in RULES.items()
        if "RuleCondition" not in rule or holds(rule["RuleCondition"], given)
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"], given)
    }


@pytest.mark.parametrize(
    "chosen",
    [
        TOKEN,
        JWT | URL | ISSUER,
        JWT | URL | {"AuthJwtAudience": "parley"},
        JWT | PEM,
        JWT | SECRET,
        JWT | SECRET | ISSUER,
        TOKEN | ISSUER,
        BACKEND,
        BACKEND | BORNE,
        BACKEND | {"BackendMode": "http"},
        BACKEND | BORNE | {"BackendMode": "disabled"},
        {"BackendMode": "disabled"},
    ],
)
def test_these_go_together(chosen: dict[str, str]) -> None:
    assert broken(**ANSWERED, **chosen) == set()


@pytest.mark.parametrize(
    ("chosen", "rules"),
    [
        (JWT, {"TokensAreChecked"}),
        (JWT | ISSUER, {"TokensAreChecked"}),
        (JWT | URL, {"KeysOfOthers"}),
        (JWT | PEM | SECRET, {"OneKindOfKeys"}),
        (JWT | URL | PEM | ISSUER, {"OneKindOfKeys"}),
        (JWT | URL | SECRET | ISSUER, {"OneKindOfKeys"}),
        (JWT | URL | PEM | SECRET | ISSUER, {"OneKindOfKeys"}),
        (TOKEN | SECRET, {"KeysAreUsed"}),
        (TOKEN | PEM, {"KeysAreUsed"}),
        (TOKEN | URL | ISSUER, {"KeysAreUsed"}),
        ({"BackendMode": "http"}, {"TheBackendIsSomewhere"}),
        (BORNE, {"TheTokenIsForSomebody"}),
    ],
)
def test_these_do_not(chosen: dict[str, str], rules: set[str]) -> None:
    assert broken(**ANSWERED, **chosen) == rules


@pytest.mark.parametrize(
    ("chosen", "refused"),
    [
        ({}, True),
        ({"AnthropicApiKey": "given"}, False),
        ({"AnthropicBaseUrl": "https://proxy.example.com"}, False),
        ({"ModelProvider": "bedrock"}, False),
    ],
)
def test_somebody_answers(chosen: dict[str, str], refused: bool) -> None:
    assert broken(**chosen) == ({"SomebodyAnswers"} if refused else set())


def test_every_refusal_says_what_to_set() -> None:
    for rule in RULES.values():
        for assertion in rule["Assertions"]:
            assert any(name in assertion["AssertDescription"] for name in PARAMETERS)
