"""What authors' tools return beside a text."""

from typing import Any

import pytest

from shared.tools.port import ToolFault, ToolResult
from tests.tools.calls import run

CITATION = {"id": "a", "title": "A", "snippet": "…", "score": 0.5}


def returned(**fields: Any) -> Any:
    def function() -> ToolResult:
        return ToolResult(**{"text": "Done", **fields})

    return run(function)


def test_a_result_goes_on_with_all_that_it_has() -> None:
    whole = {"citations": [CITATION], "directive": {"type": "open"}, "escalation": "angry"}
    result = returned(**whole)
    assert (result.text, result.kept()) == ("Done", whole)


def test_its_text_is_put_as_any_other() -> None:
    assert returned(text={"a": 1}).text == '{"a":1}'
    assert returned(text="x\ud800").text == "x\ufffd"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"citations": [CITATION] * 21}, "more than 20 citations"),
        ({"citations": ["a"]}, "a citation is no object"),
        ({"citations": [{"id": "a"}]}, "id, title and snippet"),
        ({"citations": [{**CITATION, "score": "high"}]}, "a number as its score"),
        ({"citations": [{**CITATION, "snippet": "x" * 16_384}]}, "citations must be JSON"),
        ({"directive": []}, "its directive is no object"),
        ({"directive": {"files": []}}, "has no type"),
        ({"directive": {"type": "x", "y": object()}}, "directive must be JSON"),
        ({"directive": {"type": "x", "y": float("nan")}}, "directive must be JSON"),
        ({"directive": {"type": "x", "y": "z" * 16_384}}, "directive must be JSON"),
        ({"escalation": 5}, "escalation must be a text"),
        ({"escalation": "x" * 1001}, "escalation must be a text"),
    ],
)
def test_what_cannot_be_kept_is_a_fault_in_words(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolFault, match=said) as fault:
        returned(**fields)
    assert "may have taken effect" in str(fault.value)
