"""What the template tells the functions is what the settings understand."""

import re
from typing import Any

import pytest

from shared.settings import Settings
from tests.template import loading

TEMPLATE = loading.load()
FUNCTIONS = loading.functions(TEMPLATE)
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
CHOICES = [
    (name, value)
    for name in ("AuthMode", "ModelProvider", "Mode", "LogLevel")
    for value in PARAMETERS[name]["AllowedValues"]
]
SECRET = "s" * 48
INVENTED = {
    "AWS::NoValue": "",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "parley",
    "AWS::URLSuffix": "amazonaws.com",
    "Queue": "https://sqs.us-east-1.amazonaws.com/1/Queue",
}
# Read by the logger, not by us.
FOREIGN = {"POWERTOOLS_SERVICE_NAME"}


def environment(function: str, **chosen: str) -> dict[str, str]:
    """The variables of a function, with the parameters' defaults and these choices."""
    given = {name: str(each.get("Default", "")) for name, each in PARAMETERS.items()} | chosen
    common = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
    return {name: text(value, given) for name, value in {**common, **own}.items()}


def text(value: str | dict[str, Any], given: dict[str, str]) -> str:
    """What CloudFormation makes of a variable: enough of it for this template."""
    if isinstance(value, str):
        return value
    [(kind, word)] = value.items()
    if kind == "Ref":
        return {**INVENTED, **given}.get(str(word), str(word))
    if kind == "Fn::Sub":
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: text({"Ref": found[1]}, given), word)
    assert kind == "Fn::If", value
    [condition, yes, no] = word
    [parameter] = re.findall(r"'Ref': '(\w+)'", str(TEMPLATE["Conditions"][condition]))
    return text(yes if given[parameter] else no, given)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_variable_is_known(function: str) -> None:
    known = {field.alias or name.upper() for name, field in Settings.model_fields.items()}
    assert set(environment(function)) - known <= FOREIGN


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize(("parameter", "value"), CHOICES)
def test_every_offered_value_is_accepted(function: str, parameter: str, value: str) -> None:
    variables = environment(function, AnthropicApiKey="given", **{parameter: value})
    settings = Settings.load(variables, secrets=lambda _arn: SECRET)
    assert settings.table_name == "Table"
    assert settings.auth_mode == "token"


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_what_is_set_for_models_arrives(function: str) -> None:
    chosen = environment(function, TitleModel="claude-haiku-4-5", ModelRatePerMinute="999999")
    settings = Settings.load(chosen, secrets=lambda _arn: SECRET)
    assert (settings.title_model, settings.model_rate_per_minute) == ("claude-haiku-4-5", 999_999)

    unset = Settings.load(environment(function), secrets=lambda _arn: SECRET)
    assert (unset.title_model, unset.model_rate_per_minute) == (None, None)


@pytest.mark.parametrize(
    ("rate", "accepted"),
    [("", True), ("1", True), ("999999", True), ("0", False), ("1000000", False), ("1.5", False)]
    + [("-1", False), ("ten", False), ("01", False)],
)
def test_the_rate_is_one_that_the_settings_take(rate: str, accepted: bool) -> None:
    pattern = PARAMETERS["ModelRatePerMinute"]["AllowedPattern"]
    assert bool(re.search(pattern, rate)) is accepted


def test_bedrock_needs_no_key() -> None:
    [rule] = TEMPLATE["Rules"]["SomebodyAnswers"]["Assertions"]
    assert {"Fn::Equals": [{"Ref": "ModelProvider"}, "bedrock"]} in rule["Assert"]["Fn::Or"]
    assert environment("Worker", ModelProvider="bedrock")["ANTHROPIC_API_KEY"] == ""


def test_the_emulator_has_its_own_address_of_the_connections() -> None:
    base = "http://127.0.0.1:4566/_aws/execute-api"
    variables = environment("Worker", ConnectionsEndpointOverride=base)
    assert variables["CONNECTIONS_URL"] == f"{base}/WebSocketApi/prod"
