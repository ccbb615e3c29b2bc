"""What an answer rests on, as clients see it: the documents that the model was shown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.knowledge.port import Passage
from shared.protocol.events import within

MAX_CITATIONS = 8
MAX_SNIPPET = 280
"""Characters."""

MAX_BYTES = 24 * 1024
"""Of all citations of an answer, as JSON: they share an event with its text."""

Citation = Mapping[str, Any]
"""`{id, title, url?, snippet, score}`."""


def citation(passage: Passage) -> dict[str, Any]:
    """The citation of one passage; its link only if that leads to the web."""
    said = " ".join(passage.text.split())
    snippet = said if len(said) <= MAX_SNIPPET else said[: MAX_SNIPPET - 1].rstrip() + "…"
    found = {"id": passage.id, "title": passage.title}
    if passage.url is not None and passage.url.startswith(("https://", "http://")):
        found["url"] = passage.url
    return {**found, "snippet": snippet, "score": passage.score}


def cited(found: Iterable[Citation]) -> Sequence[Citation]:
    """Each document once, where it was found first; no more than `MAX_CITATIONS`, and than
    `MAX_BYTES`."""
    first: dict[str, Citation] = {}
    for each in found:
        first.setdefault(str(each["id"]), each)
    return within(list(first.values())[:MAX_CITATIONS], MAX_BYTES)
