"""What a deployed function finds in its environment, worked out as CloudFormation would."""

import re
from collections.abc import Mapping
from typing import Any

from tests.template import loading

TEMPLATE = loading.load()
FUNCTIONS = loading.functions(TEMPLATE)
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]

INVENTED = {
    "AWS::NoValue": "",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "parley",
    "AWS::URLSuffix": "amazonaws.com",
    "Queue": "https://sqs.us-east-1.amazonaws.com/1/Queue",
}
"""What resources and AWS itself are called where a test says nothing."""


def declared(function: str) -> dict[str, Any]:
    """The variables of a function as the template writes them, the common part included."""
    common = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    return {**common, **own(function)}


def own(function: str) -> dict[str, Any]:
    """The variables that this function is told and others need not be."""
    found: dict[str, Any] = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
    return found


def environment(
    function: str, resources: Mapping[str, str] | None = None, **chosen: str
) -> dict[str, str]:
    """The variables of a function with these parameters, else their defaults. `resources` are
    what `Ref` and `GetAtt` give: `{"Table": …, "ServiceToken.Id": …}`; else it is the name."""
    given = {name: str(each.get("Default", "")) for name, each in PARAMETERS.items()}
    unknown = set(chosen) - set(given)
    assert not unknown, f"no such parameters: {unknown}"
    values = {**INVENTED, **(resources or {}), **given, **chosen}
    return {name: _text(value, values) for name, value in declared(function).items()}


def holds(condition: str, **chosen: str) -> bool:
    """Whether a condition of the template holds with these parameters: enough for this one."""
    found = _parameter_of(condition)
    return chosen.get(found, str(PARAMETERS[found].get("Default", ""))) != ""


def _text(value: str | dict[str, Any], values: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return value
    [(kind, word)] = value.items()
    if kind == "Ref":
        return values.get(str(word), str(word))
    if kind == "Fn::Sub":
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: _text({"Ref": found[1]}, values), word)
    assert kind == "Fn::If", value
    [condition, yes, no] = word
    return _text(yes if values[_parameter_of(condition)] else no, values)


def _parameter_of(condition: str) -> str:
    """The parameter that must not be empty for it to hold."""
    [compared] = TEMPLATE["Conditions"][condition]["Fn::Not"]
    [parameter, empty] = compared["Fn::Equals"]
    assert empty == ""
    return str(parameter["Ref"])
