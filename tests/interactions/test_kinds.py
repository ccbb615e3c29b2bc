"""The kinds, and what it takes to add one."""

from collections.abc import Callable

import pytest

from shared.interactions.kinds import KINDS, by_name, by_tool
from shared.interactions.port import FieldFault, InvalidValues, Kind
from shared.interactions.submitting import SubmitTool, submitted_by_model
from shared.tools.arguments import checked
from shared.tools.port import InvalidArguments
from tests.interactions.rating import Rating

THREE: tuple[Kind, ...] = (*KINDS, Rating())


def test_the_published_kinds() -> None:
    assert [(kind.name, kind.capability, kind.tool) for kind in KINDS] == [
        ("choices", "choice_chips", "request_choices"),
        ("identity_intake", "identity_form", "request_identity_intake"),
    ]
    for kind in KINDS:
        assert by_name(kind.name) is kind
        assert by_tool(kind.tool) is kind


@pytest.mark.parametrize("lookup", [by_name, by_tool])
def test_what_there_is_not(lookup: Callable[[str], Kind | None]) -> None:
    assert lookup("rating") is None
    assert lookup("") is None


@pytest.mark.parametrize("kind", THREE, ids=lambda kind: kind.name)
def test_a_model_can_be_told_of_each(kind: Kind) -> None:
    checked(kind.parameters)
    assert "user" in kind.description


def test_a_third_kind_is_one_file_and_one_entry() -> None:
    rating = by_name("rating", THREE)
    assert rating is not None
    assert by_tool("request_rating", THREE) is rating
    raised = rating.raised({"most": 3, "reason": "to improve"})
    assert (raised.spec, raised.reason) == ({"most": 3}, "to improve")
    assert rating.validate(raised.spec, {"stars": 3}) == {"stars": 3}
    with pytest.raises(InvalidValues):
        rating.validate(raised.spec, {"stars": 4})
    assert submitted_by_model({"kind": "rating", "values": {"stars": 4}}, THREE) == (
        rating,
        {"stars": 4},
    )
    with pytest.raises(InvalidArguments, match=r'"values\.stars" must be at most 10\.'):
        submitted_by_model({"kind": "rating", "values": {"stars": 11}}, THREE)
    checked(SubmitTool(THREE).parameters)({"kind": "rating", "values": {}})


def test_a_refusal_has_at_least_one_fault_and_each_once() -> None:
    fault = FieldFault("stars", "is missing; add it")
    assert InvalidValues([fault, FieldFault("stars", "is missing; add it")]).faults == (fault,)
    with pytest.raises(ValueError, match="at least one"):
        InvalidValues([])
