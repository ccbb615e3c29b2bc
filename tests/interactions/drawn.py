"""Strategies: what agents ask and users answer, right, almost right, and anything at all."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from tests.interactions.asked import CHOICES, IDENTITY, field, question, spec

# With halves of surrogate pairs, control characters, infinities.
TEXTS = st.text(st.characters(codec=None), max_size=20)
_LONG = st.sampled_from(["x" * length for length in (13, 81, 201, 255, 301, 501, 1001)])
_ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | _LONG
JSON = st.recursive(
    _ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def _containers(value: Any) -> Iterator[Any]:
    """The objects and lists in it."""
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _containers(each)


@st.composite
def almost(draw: st.DrawFn, right: st.SearchStrategy[dict[str, Any]]) -> Any:
    """One of these with up to two places in it changed, left out, doubled or added."""
    value = copy.deepcopy(draw(right))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.sampled_from(list(_containers(value))))
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys)) if keys else None
        match draw(st.sampled_from(["change", "leave out", "add"])):
            case "change" if key is not None:
                place[key] = draw(JSON)
            case "leave out" if key is not None:
                del place[key]
            case _ if isinstance(place, dict):
                place[draw(TEXTS | st.sampled_from(["colour", "phone", "x" * 100]))] = draw(JSON)
            case _:
                place.append(copy.deepcopy(place[key]) if key is not None else draw(JSON))
    return value


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip())
)


@st.composite
def _asked(draw: st.DrawFn) -> dict[str, Any]:
    headers = draw(st.lists(LINES, min_size=1, max_size=4, unique_by=str.strip))
    return {
        "questions": [
            {
                "question": draw(LINES),
                "header": header,
                "options": [
                    {"label": label, **draw(st.fixed_dictionaries({}, optional=_DESCRIPTION))}
                    for label in draw(st.lists(LINES, min_size=2, max_size=4, unique_by=str.strip))
                ],
                **draw(st.fixed_dictionaries({}, optional={"multiSelect": st.booleans()})),
            }
            for header in headers
        ],
        **draw(_REASON),
    }


@st.composite
def _asked_for(draw: st.DrawFn) -> dict[str, Any]:
    keys = draw(st.lists(st.sampled_from(["name", "email", "phone"]), min_size=1, unique=True))
    more: dict[str, st.SearchStrategy[Any]] = {"required": st.booleans(), "label": LINES}
    fields = [{"key": key, **draw(st.fixed_dictionaries({}, optional=more))} for key in keys]
    return {"fields": fields, **draw(_REASON)}


@st.composite
def _picks(draw: st.DrawFn, shown: Mapping[str, Any]) -> dict[str, Any]:
    answers: list[dict[str, Any]] = []
    for each in draw(st.permutations(shown["questions"])):
        labels = [option["label"] for option in each["options"]]
        picked = draw(
            st.lists(st.sampled_from(labels), unique=True, max_size=4 if each["multiSelect"] else 1)
        )
        own = not picked or (each["multiSelect"] and draw(st.booleans()))
        other = {"other": draw(LINES)} if own else {}
        answers.append({"header": each["header"], "options": picked, **other})
    return {"answers": answers}


@st.composite
def _who(draw: st.DrawFn, shown: Mapping[str, Any]) -> dict[str, Any]:
    kinds: dict[str, st.SearchStrategy[str]] = {
        "name": LINES,
        "email": st.sampled_from(["ann@example.com", " o'neil@mail.example.org "]),
        "phone": st.sampled_from(["+49 (30) 123-456", "0049 30 123456", "+1 415.555.0123"]),
    }
    asked = {each["key"]: each["required"] for each in shown["fields"]}
    return {key: draw(kinds[key]) for key, needed in asked.items() if needed or draw(st.booleans())}


_DESCRIPTION = {"description": LINES}
_REASON = st.fixed_dictionaries({}, optional={"reason": LINES})

ARGUMENTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "choices": _asked(),
    "identity_intake": _asked_for(),
    "rating": st.fixed_dictionaries({"most": st.integers(2, 10)}),
}
"""What may be asked, by kind."""

SPECS: dict[str, list[Mapping[str, Any]]] = {
    "choices": [
        spec(CHOICES, question("Plan", "Free", "Pro")),
        spec(
            CHOICES,
            question("Plan", "Free", "Pro"),
            question("Days", "Mon", "Tue", "Free", multiSelect=True),
        ),
    ],
    "identity_intake": [
        spec(IDENTITY, field("email")),
        spec(IDENTITY, field("phone", required=False), field("name"), field("email")),
    ],
    "rating": [{"most": 5}],
}


def answers(kind: str, shown: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What answers this spec of this kind."""
    match kind:
        case "choices":
            return _picks(shown)
        case "identity_intake":
            return _who(shown)
        case _:
            return st.fixed_dictionaries({"stars": st.integers(1, shown["most"])})
