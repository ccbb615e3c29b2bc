"""docs/backends.md says what the reference backend does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.backends.agents import parse_agent
from shared.backends.http_answers import FoundListing
from shared.settings import Settings
from tests.support.reference_bodies import (
    BeginBody,
    EscalationBody,
    FinalizeBody,
    SearchBody,
    TranscriptBody,
    checked,
)
from tests.support.reference_books import ROUTES

DOC = (Path(__file__).resolve().parents[2] / "docs" / "backends.md").read_text("utf-8")


def examples(route: str) -> list[Any]:
    """The JSON in the section of a route."""
    section = DOC.split(f"### `{route}`\n")[1].split("\n#")[0]
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", section, re.DOTALL)]


def test_the_routes_are_those_of_the_reference_backend() -> None:
    written = re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", DOC, re.MULTILINE)
    assert sorted(written) == sorted(f"{route.method} {route.template}" for route in ROUTES)
    sections = re.findall(r"^### `([A-Z]+ /[^`]*)`$", DOC, re.MULTILINE)
    assert sections == written


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("POST /history", BeginBody),
        ("POST /history/{id}/transcripts", TranscriptBody),
        ("POST /history/{id}/escalations", EscalationBody),
        ("PUT /history/{id}", FinalizeBody),
    ],
)
def test_the_bodies_are_those_of_the_reference_backend(route: str, body: Any) -> None:
    [example] = examples(route)
    assert checked(body, example).model_dump() == example


def test_a_search_and_its_answer() -> None:
    asked, answer = examples("POST /knowledge-bases/{id}/search")
    checked(SearchBody, asked)
    assert FoundListing.model_validate(answer).model_dump()["items"] == answer["items"]


def test_the_configuration_is_valid_once_its_tools_are_there() -> None:
    [config] = examples("GET /assistants/{id}/config")
    assert all("resource" in tool for tool in config.pop("tools"))
    assert parse_agent("shop", config, default_model="m").name == "Shop"


def test_the_settings_and_their_defaults() -> None:
    fields = {
        name: field for name, field in Settings.model_fields.items() if name.startswith("backend_")
    }
    rows = dict(re.findall(r"^\| `(BACKEND_\w+)` \| (\S+) \|", DOC, re.MULTILINE))
    assert rows.keys() == {name.upper() for name in fields}
    for name, field in fields.items():
        shown = rows[name.upper()].strip("`")
        assert shown == ("\u2013" if field.default is None else f"{field.default}"), name
