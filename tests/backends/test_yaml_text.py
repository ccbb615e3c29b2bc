"""YAML as it is read here: what is taken, what is said of the rest, and where things stand."""

from typing import Any

import pytest

from shared.backends.yaml_text import MAX_DEPTH, BadYaml, Document
from shared.protocol.faults import Fault


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", None),
        ("# a\n", None),
        ("a: 1\nb: [x, -0.5, true, null, '']\n", {"a": 1, "b": ["x", -0.5, True, None, ""]}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ('{"a": {"b": [1]}}', {"a": {"b": [1]}}),
        ("a: 1_000\nb: 0x10\nc: 0\nd: 10.0", {"a": 1000, "b": 16, "c": 0, "d": 10.0}),
        ("no: 1\nyes: 2\n5: 3\nnull: 4\n", {"no": 1, "yes": 2, "5": 3, "null": 4}),
        ("2026-01-31: 1\n010: 2\n", {"2026-01-31": 1, "010": 2}),
        ("<<: {a: 1}\na: 2\n=: 3\n", {"<<": {"a": 1}, "a": 2, "=": 3}),
        ("a: <<\nb: =\n", {"a": "<<", "b": "="}),
        ("a: '010'\nb: \"12:30\"\n", {"a": "010", "b": "12:30"}),
        ("a: 2026-01-31 at noon\nb: 12:30 Uhr\n", {"a": "2026-01-31 at noon", "b": "12:30 Uhr"}),
        ("a: https://example.com:8443/x\n", {"a": "https://example.com:8443/x"}),
        ("a: |\n  b: *c\n  \td & e!\n", {"a": "b: *c\n\td & e!\n"}),
    ],
)
def test_what_is_read(text: str, values: Any) -> None:
    assert Document(text).values == values


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: !x c\n", 2, "tags are not supported; put a text that begins with ! in quotes"),
        ("a: !<x\n", 1, "a text that begins with ! must be in quotes"),
        ("a: !e!x\n", 1, "a text that begins with ! must be in quotes"),
        ("a:\n  - & b\n", 2, "a text that begins with & must be in quotes"),
        ("a:\n  - &b c\n", 2, "anchors are not supported; put a text that begins with & in quotes"),
        (
            "a: &b {c: *b}\n",
            1,
            "anchors are not supported; put a text that begins with & in quotes",
        ),
        ("%YAML x\n---\na: 1\n", 1, "a text that begins with % must be in quotes"),
        ("%YAML 3.0\n---\na: 1\n", 1, "a text that begins with % must be in quotes"),
        (
            "a: 1\n\n'b\n",
            3,
            "the quote that opens here is never closed, or too far on; put one behind",
        ),
        (
            "a: '\n---\n",
            1,
            "the quote that opens here is never closed, or too far on; put one behind",
        ),
        (
            'a: "\\x4"\n',
            1,
            r"a \ in double quotes must begin something such as \n; write \\, or use",
        ),
        (
            "a: |x\n  b\n",
            1,
            "nothing may follow | or > in their line; begin the text in the next one",
        ),
        (
            "a: [b, {c: d}\n\n",
            1,
            "the list that opens here with [ is never closed, or lacks a comma;",
        ),
        ("\n[b c: d e]: f", 2, "the name of a field must be a text; put a text that begins with {"),
        (
            "a: {b: c\nd: e}\n",
            1,
            "the object that opens here with { is never closed, or lacks a com",
        ),
        ("a: b\n- c\n", 2, "this line does not fit those above it; indent what belongs together"),
        ("a: ? b\n", 1, "this is not YAML; check the quotes, the colons and the indentation here"),
        (
            "a: b\n a: c: d",
            2,
            "a colon cannot stand here; put a text that has one in quotes, or check",
        ),
        ("a: 1\nb: 00\n", 2, "YAML reads 00 as another number; if it is a text, put it in quotes;"),
        (
            "a: -1:30.5\n",
            1,
            "YAML reads -1:30.5 as another number; if it is a text, put it in quotes",
        ),
        ("a: 0b_\n", 1, "a bad number; if it is a text, put it in quotes; if not, write it in an"),
        (f"a: [1,\n {'9' * 5000}]", 2, "a bad number; if it is a text, put it in quotes"),
        (f"a: 1{':0' * 300}.5", 1, "a bad number; if it is a text, put it in quotes"),
        ("a: 2026-02-30\n", 1, "a date that does not exist; if it is a text, put it in quotes"),
        ("a: 1\r\nb: 2\r\na: 3\r\n", 3, '"a" stands here a second time; remove one'),
        ('"b\\nc": 1\n"b\\nc": 1\n', 2, '"b�c" stands here a second time; remove one'),
        (f"{'b' * 99}: 1\n{'b' * 99}: 1\n", 2, f'"{"b" * 64}…" stands here a second time; remove'),
        ("a: 1\nb: \x00\n", 2, "a character that YAML does not allow; remove it"),
    ],
)
def test_what_is_refused(text: str, line: int, said: str) -> None:
    with pytest.raises(BadYaml) as caught:
        Document(text)
    assert str(caught.value).startswith(said)
    assert caught.value.line == line


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_how_deep_it_may_be(start: str, end: str) -> None:
    deep = MAX_DEPTH - 1
    assert Document(start * deep + "1" + end * deep).values is not None
    with pytest.raises(BadYaml, match="nested more than 64 levels deep") as caught:
        Document("\n" + start * 5000)
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("a",), 2),
        (("a", "c"), 2),
        (("b", 0), 4),
        (("b", 1, "no"), 6),
        (("b", 1, "e", "f"), 7),
        (("b", 1, "e", "g", "h"), 7),
        (("b", 1, "missing"), 5),
        (("b", 2), 3),
        (("b", "x"), 3),
        (("missing",), 1),
    ],
)
def test_where_a_fault_is(path: tuple[str | int, ...], line: int) -> None:
    text = "# comment\na: 1\nb:\n  - x\n  - d: 1\n    no: 2\n    e: {f: 1, g: 2}\n"
    assert Document(text).line_of(Fault(path, "is wrong")) == line
