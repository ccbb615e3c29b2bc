"""What people see of a call before they approve it."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runner.describing import MAX_DESCRIBED, MAX_SHOWN, described_call, shown_arguments
from tests.runner.refund import CARD, JWT, PEM, WRITE_ONLY, RefundTool, shown


def described(description: str = "", **arguments: Any) -> str:
    return described_call(RefundTool(description), arguments)


# -- the description --------------------------------------------------------------------------


def test_the_first_paragraph_and_the_call() -> None:
    said = described("Refund an order.\nIt moves money.\n\nMore.", id="42", lines=[1, {"a": "b"}])
    assert said == 'Refund an order. It moves money. refund(id: "42", lines: [1,{"a":"b"}])'


@pytest.mark.parametrize(
    ("description", "paragraph"),
    [
        ("", ""),
        ("  \n ", ""),
        ("Refund an order", "Refund an order. "),
        ("Refund an order.", "Refund an order. "),
        ("Refund approx. 50 EUR, e.g. a late\n  one.", "Refund approx. 50 EUR, e.g. a late one. "),
        ("Calls a hook. It moves money.", "Calls a hook. It moves money. "),
        ("Refund\n\nMore. Text", "Refund. "),
        ("Refund\r\n \t\r\nMore.", "Refund. "),
        ("Really? Yes", "Really? Yes. "),
        ("Really!", "Really! "),
        ("Pays:", "Pays: "),
        ("Pays (“at once.”)", "Pays (“at once.”) "),
        ("注文を返金する。", "注文を返金する。 "),
        ("Send it.\u202e(evil)", "Send it.\\u202e(evil). "),
    ],
)
def test_the_first_paragraph(description: str, paragraph: str) -> None:
    assert described(description) == f"{paragraph}refund()"


@pytest.mark.parametrize(
    ("description", "paragraph"),
    [
        ("x" * 299, "x" * 299 + "."),
        ("x" * 300, "x" * 299 + "…"),
        ("It pays. " * 33 + "Ok.", "It pays. " * 33 + "Ok."),
        ("It pays. " * 40, ("It pays. " * 33).strip() + "…"),
        ("I " + "x" * 400, "I " + "x" * 297 + "…"),
        ("x" * 200 + " " + "y" * 200, "x" * 200 + "…"),
        ("\u202e" * 100, "\\u202e" * 49 + "…"),
    ],
)
def test_a_long_paragraph_is_cut_at_a_word(description: str, paragraph: str) -> None:
    assert len(paragraph) <= 300
    assert described(description) == f"{paragraph} refund()"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", '""'),
        ('a", admin: "yes', '"a\\", admin: \\"yes"'),
        ("C:\\new", '"C:\\\\new"'),
        ("one\r\n\ttwo\x00", '"one\\r\\n\\ttwo\\u0000"'),
        ("\u202egpj.exe\u2066\u200b", '"\\u202egpj.exe\\u2066\\u200b"'),
        ("a\u2028b\u00a0c\u3164", '"a\\u2028b\\u00a0c\\u3164"'),
        ("\U000e0041", '"\\u{e0041}"'),
        ("half \ud800", '"half \ufffd"'),
        ("Zoë ✔️", '"Zoë ✔️"'),
        (["\u202e\n"], '["\\u202e\\n"]'),
        ({"a\u200b": None}, '{"a\\u200b":null}'),
        (True, "true"),
        (10**30, "1" + "0" * 30),
        (float("inf"), "null"),
    ],
)
def test_values_cannot_pass_for_something_else(value: Any, said: str) -> None:
    assert described(value=value) == f"refund(value: {said})"


def test_names_cannot_either() -> None:
    said = described_call(RefundTool(), {'a: 1, "b': 2, "größe\n": 3, "x" * 70: 4})
    assert said == f'refund("a: 1, \\"b": 2, "größe\\n": 3, "{"x" * 45}"… (70 characters): 4)'


def test_long_values_are_cut_and_their_length_is_told() -> None:
    said = described(id="42", text="x" * 12_000, lines=[1] * 5_000, note="brief")
    assert len(said) <= MAX_DESCRIBED
    assert said.startswith('refund(id: "42", text: "xxx')
    assert 'xxx"… (12,000 characters), lines: [1,1,' in said
    assert said.endswith('1… (10,001 characters), note: "brief")')
    # What there is room for is used.
    assert len(said) > MAX_DESCRIBED - 10


def test_a_cut_never_splits_an_escape() -> None:
    for length in range(1_960, 2_010):
        said = described(text="x" * (length - 1_900) + "\u202e" * 1_900)
        kept = said.removeprefix('refund(text: "').partition('"…')[0].lstrip("x")
        assert kept == "\\u202e" * (len(kept) // 6)


def test_every_argument_is_named() -> None:
    names = [f"argument_{number}" for number in range(100)]
    said = described_call(RefundTool("Do it."), dict.fromkeys(names, "x" * 5_000))
    assert len(said) <= MAX_DESCRIBED
    assert all(f"{name}: …" in said for name in names)


def test_more_names_than_fit_are_counted() -> None:
    names = [f"argument_with_a_long_name_{number:04}" for number in range(1_000)]
    said = described_call(RefundTool("Do it."), dict.fromkeys(names, "x"))
    assert len(said) <= MAX_DESCRIBED
    named = said.count("argument_with")
    assert named > 40
    assert said.endswith(f": … and {1_000 - named} more)")


def test_the_description_has_no_secrets_either() -> None:
    said = described(api_key="k-1", text=f"Bearer abc, {CARD}")
    assert said == 'refund(api_key: "[redacted]", text: "Bearer [redacted], [redacted]")'


# -- how much is shown ------------------------------------------------------------------------


def test_what_fits_is_shown_whole() -> None:
    values = {"a": "x" * 7_000, "b": ["y" * 8_000, 1, None, {"c": 1.5}], "\u202e\n": "\u202e\n"}
    assert shown(values) == values


def test_long_texts_are_cut_first() -> None:
    found = shown({"text": "x" * 100_000, "lines": list(range(300)), "id": "42"})
    assert found["text"] == "x" * 4_000 + "… (100,000 characters)"
    assert (found["lines"], found["id"]) == (list(range(300)), "42")


def test_long_lists_and_objects_say_what_is_left_out() -> None:
    found = shown({"lines": ["y" * 20] * 900, "map": {f"k{n}": "z" * 20 for n in range(900)}})
    assert found["lines"] == ["y" * 20] * 100 + ["… (800 more)"]
    assert len(found["map"]) == 101
    assert found["map"]["…"] == "800 more"


def test_a_number_may_be_long_too() -> None:
    found = shown({"numbers": [10**4_000] * 20})
    assert found["numbers"][0] == "1" + "0" * 249 + "… (4,001 characters)"


def test_deep_values_end() -> None:
    value: Any = "x"
    for _ in range(900):
        value = [value]
    found = shown({"a": value, "b": "y"})
    assert found["b"] == "y"
    assert json.dumps(found["a"], ensure_ascii=False).strip("[]") == '"…"'


@pytest.mark.parametrize(
    "arguments",
    [
        {f"{'k' * 100}{n}": "\x00" * 500 for n in range(500)},
        {"\x01" * 500 + str(n): {"a": ["\x00" * 500] * 50} for n in range(50)},
        {"a": {str(n): {str(m): list(range(50)) for m in range(50)} for n in range(50)}},
        {"a": [[["x" * 30] * 30] * 30] * 30},
        {"a": "eyJ" * 50_000, "b": "_eyJ" * 50_000, "c": "1 " * 50_000, "d": "bearer " * 20_000},
        {"a": "-----BEGIN " * 20_000, "b": "4" * 200_000, "c" * 200_000: "\u202e" * 200_000},
    ],
)
def test_whatever_there_is_it_fits(arguments: dict[str, Any]) -> None:
    found = shown(arguments)
    assert found
    assert len(json.dumps(found, ensure_ascii=False)) <= MAX_SHOWN
    assert len(described_call(RefundTool(), arguments)) <= MAX_DESCRIBED


# -- any arguments ----------------------------------------------------------------------------

SECRET = "s3cr3t-v4lue"
TEXTS = st.text(st.characters(), max_size=40) | st.sampled_from(
    [CARD, JWT, PEM, f"Bearer {SECRET}", "\u202e\u200b\n\x00", "x" * 3_000, "4 " * 40]
)
NAMES = TEXTS | st.sampled_from(["id", "pin", "password", "apiKey", "…", "a (2)"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
)
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=10)


@settings(deadline=None)
@given(ARGUMENTS, st.text(max_size=500))
def test_any_arguments_can_be_described(arguments: dict[str, Any], description: str) -> None:
    said = described_call(RefundTool(description), arguments)
    assert len(said) <= MAX_DESCRIBED
    assert all(each.isprintable() for each in said)
    assert not {unicodedata.category(each) for each in said} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert SECRET not in said
    said.encode()


@settings(deadline=None)
@given(ARGUMENTS)
def test_any_arguments_can_be_shown(arguments: dict[str, Any]) -> None:
    found = shown(arguments)
    text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    assert len(text) <= MAX_SHOWN
    assert SECRET not in text
    text.encode()
    assert shown(found) == found


@settings(deadline=None)
@given(ARGUMENTS, st.sampled_from(["password", "access_token", "PIN", "card-number"]), st.data())
def test_no_value_with_the_name_of_a_secret_survives(
    arguments: dict[str, Any], name: str, data: st.DataObject
) -> None:
    marked = data.draw(st.sampled_from([SECRET, [SECRET], {"a": {"b": SECRET}}]))
    arguments = {**arguments, "deep": [{"er": {name: marked}}], name: marked, "field": marked}
    tool = RefundTool("Do it.", {"field": WRITE_ONLY})
    assert SECRET not in json.dumps(shown_arguments(tool, arguments))
    assert SECRET not in described_call(tool, arguments)
