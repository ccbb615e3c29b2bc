"""What is read from docstrings, in both of their forms."""

import pytest

from shared.tools.docstrings import said

GOOGLE = """Find an order.

    It may take a while.

    Args:
        order_id (str): The number,
            which is printed on the bill: below.
        limit: How many.

        *more: And so on.

    Raises:
        ValueError: Never shown.
    """

REST = """
    Find an order.

    :param order_id: The number,
        which is printed.
    :param int limit: How many.
    :type limit: int
    :returns: Never shown.
    :param:
    """


def test_google() -> None:
    found = said(GOOGLE)
    assert found.description == "Find an order.\n\nIt may take a while."
    assert found.parameters == {
        "order_id": "The number, which is printed on the bill: below.",
        "limit": "How many.",
        "more": "And so on.",
    }


def test_rest() -> None:
    found = said(REST)
    assert found.description == "Find an order."
    assert found.parameters == {"order_id": "The number, which is printed.", "limit": "How many."}


@pytest.mark.parametrize("docstring", [None, "", "  \n "])
def test_nothing(docstring: str | None) -> None:
    assert said(docstring) == ("", {})


def test_only_a_section() -> None:
    assert said("\n    Args:\n        a: It.\n    ") == ("", {"a": "It."})


def test_text_after_the_arguments_is_nobody_s() -> None:
    found = said("Do.\n\nArgs:\n    a: It.\n\nAnd then: more.\n    b: no")
    assert found == ("Do.", {"a": "It."})


def test_a_colon_in_the_description_is_no_section() -> None:
    assert said("Note this: do it.\nArgs: none").description == "Note this: do it. Args: none"
