"""URLs that arguments fill: nothing but the places that the author left open ever changes."""

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.port import InvalidArguments
from shared.tools.url_template import UrlTemplate
from tests.tools.http_calls import ANY, schema, texts

URL = "https://api.example:8443/orders/{id}/items?view=full&q={q}"


NESTED = {
    "thing": {"type": "object"},
    "name": {"type": "string"},
    "loop": {"allOf": [{"$ref": "#/$defs/loop"}]},
}


def template(url: str = URL, parameters: Any = None) -> UrlTemplate:
    return UrlTemplate(url, parameters or texts("id", "q"))


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a1", "a1"),
        ("a b+c", "a%20b%2Bc"),
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("user:pw@evil.example", "user%3Apw%40evil.example"),
        ("%2F", "%252F"),
        ("grün", "gr%C3%BCn"),
        ("...", "..."),
        ("a..b", "a..b"),
        (7, "7"),
        (2.5, "2.5"),
        (True, "true"),
    ],
)
def test_a_value_stays_within_its_place(value: Any, sent: str) -> None:
    parameters = schema(id={}, q={})
    expected = f"https://api.example:8443/orders/{sent}/items?view=full&q={sent}"
    assert template(parameters=parameters).filled({"id": value, "q": value}) == expected


@pytest.mark.parametrize(
    "value", ["", ".", "..", "../x", "x/..", "a/../b", "..\\b", "%2e%2e", "a\nb", "a\x00", "\x7f"]
)
def test_what_a_server_might_take_for_more_than_a_name_is_refused(value: str) -> None:
    with pytest.raises(InvalidArguments, match="'id' must not"):
        template().filled({"id": value, "q": "x"})


def test_a_dot_beside_a_place_does_not_climb() -> None:
    dotted = template("https://api.example/.{id}", texts("id"))
    assert dotted.filled({"id": "well-known"}) == "https://api.example/.well-known"
    with pytest.raises(InvalidArguments, match="a step of the URL's path"):
        dotted.filled({"id": "/x"})


@pytest.mark.parametrize("value", [None, [], ["a"], {}, {"a": 1}])
def test_a_place_takes_plain_values_only(value: Any) -> None:
    with pytest.raises(InvalidArguments, match="'id' must be a text, a number, true or false"):
        template(parameters=schema(id={}, q={})).filled({"id": value, "q": "x"})


def test_a_query_may_be_empty_and_have_lines() -> None:
    assert template().filled({"id": "1", "q": ""}).endswith("?view=full&q=")
    assert template().filled({"id": "1", "q": "a\nb&c=d"}).endswith("&q=a%0Ab%26c%3Dd")


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="'q' has half a character"):
        template().filled({"id": "1", "q": "\ud800"})


def test_a_long_url_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="too long for a URL of 2048 characters"):
        template().filled({"id": "1", "q": "x" * 2048})


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_the_arguments_the_structure_is_the_author_s(id_: str, q: str) -> None:
    try:
        url = template().filled({"id": id_, "q": q})
    except InvalidArguments:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "api.example:8443", "")
    [nothing, orders, step, items] = parts.path.split("/")
    assert (nothing, orders, unquote(step), items) == ("", "orders", id_, "items")
    [view, asked] = parts.query.split("&")
    assert (view, unquote(asked)) == ("view=full", f"q={q}")


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ({}, ""),
        ({"a": "x y", "b": 2}, "?a=x%20y&b=2"),
        ({"a": ["x", "y"]}, "?a=x&a=y"),
        ({"a": []}, ""),
        ({"a": None}, ""),
        ({"a": False}, "?a=false"),
        ({"a": {"b": [1, "c"]}}, "?a=%7B%22b%22%3A%5B1%2C%22c%22%5D%7D"),
        ({"a": [{"b": 1}, None]}, "?a=%7B%22b%22%3A1%7D"),
        ({"a&b=c": "x"}, "?a%26b%3Dc=x"),
    ],
)
def test_further_arguments_become_the_query(query: dict[str, Any], sent: str) -> None:
    made = template("https://api.example/orders", ANY)
    assert made.filled({}, query=query) == f"https://api.example/orders{sent}"


def test_further_arguments_follow_the_author_s_query() -> None:
    made = template("https://api.example/orders?key=1", ANY)
    assert made.filled({}, query={"a": "x"}).endswith("/orders?key=1&a=x")
    with pytest.raises(InvalidArguments, match="'key' is set by this tool itself"):
        made.filled({}, query={"key": "2"})


def test_a_default_fills_its_place() -> None:
    made = template("https://api.example/{lang}", schema(lang={"default": "en"}))
    assert made.filled({}) == "https://api.example/en"
    assert made.filled({"lang": "de"}) == "https://api.example/de"


@pytest.mark.parametrize(
    "place",
    [
        {},
        True,
        {"type": "string"},
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": ["string", "null"]},
        {"enum": [None, "a"]},
        {"const": 1},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"$ref": "#/$defs/name"},
        {"$ref": "#/$defs/loop"},
    ],
)
def test_a_place_may_have_any_schema_that_plain_values_fit(place: Any) -> None:
    parameters = {
        "type": "object",
        "properties": {"id": place},
        "required": ["id"],
        "$defs": NESTED,
    }
    made = template("https://api.example/{id}", parameters)
    assert made.filled({"id": "a"}) == "https://api.example/a"


@pytest.mark.parametrize(
    ("url", "parameters", "said"),
    [
        ("ftp://api.example/", ANY, "begins with http:// or https://"),
        ("{scheme}://api.example/", ANY, "begins with http:// or https://"),
        ("https://{host}/", texts("host"), "{names} in the host"),
        ("https://api.example:{port}/", texts("port"), "{names} in the host"),
        ("https://api.example{path}", texts("path"), "{names} in the host"),
        ("https://api.example/a#{id}", texts("id"), "must not have a #"),
        ("https://api.example/{id", texts("id"), "braces in its url only around names"),
        ("https://api.example/{{id}}", texts("id"), "braces in its url only around names"),
        ("https://api.example/a/../b", ANY, "must not have . or .."),
        ("https://api.example/%2e%2e/b", ANY, "must not have . or .."),
        ("https://api.example/?{id}=1", texts("id"), "in the names of its url's query"),
        ("https://api.example/{id}", texts("other"), "{id} in its url, which is not among"),
        ("https://api.example/{}", texts("id"), "{} in its url, which is not among"),
        (
            "https://api.example/{id}",
            {"type": "object", "properties": {"id": {"type": "string"}}},
            "must be required or have a default",
        ),
        ("https://api.example/{id}", schema(id={"default": ".."}), "'id' must not"),
        ("https://api.example/{id}", schema(id={"default": ["a"]}), "'id' must be a text"),
        ("https://api.example/?key=1", texts("key"), "sets key in the query"),
    ],
)
def test_a_template_that_contradicts_itself_is_refused(
    url: str, parameters: Any, said: str
) -> None:
    with pytest.raises(ValueError) as caught:
        template(url, parameters)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "place",
    [
        {"type": "object"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "null"},
        {"type": ["object", "null"]},
        {"enum": [[1], None]},
        {"const": {}},
        {"anyOf": [{"type": "object"}, {"type": "null"}]},
        {"oneOf": [{"type": "object"}]},
        {"allOf": [{"type": "object"}, {}]},
        {"$ref": "#/$defs/thing"},
        {"type": "object", "default": "x"},
        False,
    ],
)
def test_a_place_that_no_plain_value_fits_is_refused(place: Any) -> None:
    with pytest.raises(ValueError) as caught:
        template("https://api.example/{id}", schema(id=place) | {"$defs": NESTED})
    assert str(caught.value) == (
        "has {id} in its url, whose parameter must be a text, a number, true or false; give it "
        "such a type, or leave it out of the url"
    )
