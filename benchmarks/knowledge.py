"""How long an index of documents takes to make, and a search in it.

    python -m benchmarks.knowledge

Documents are made up: words of the frequencies that words have (Zipf), in one group out of ten
each. The reader is in two of the groups. Everything happens in this process.
"""

import random
import resource
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from shared.knowledge.access import Acl
from shared.knowledge.documents import Document
from shared.knowledge.index import Index
from shared.knowledge.port import Reader
from shared.knowledge.sqlite_terms import SqliteTerms

SIZES = (1, 100, 1_000, 10_000)
WORDS = 30_000
SECTIONS, LENGTH = 5, 100
"""Of a document, and words of a section."""

GROUPS = 10
SEARCHES = 20
READER = Reader(tenant="t", user="ann", groups=frozenset({"g0", "g1"}))
QUERIES = {"rare words": (3_000, 9_000), "usual words": (30, 300), "frequent words": (0, 5)}

_Made = TypeVar("_Made")


def made(count: int, dice: random.Random) -> list[Document]:
    words = [f"word{number}" for number in range(WORDS)]
    weights = [1 / (number + 1) for number in range(WORDS)]

    def section(number: int) -> str:
        return f"# Part {number}\n\n" + " ".join(dice.choices(words, weights, k=LENGTH))

    return [
        Document(
            id=f"{number}.md",
            title=f"Document {number}",
            text="\n\n".join(map(section, range(SECTIONS))),
            acl=Acl(groups=frozenset({f"g{number % GROUPS}"})),
        )
        for number in range(count)
    ]


def timed(work: Callable[[], _Made]) -> tuple[float, _Made]:
    """How many seconds it took, and what came of it."""
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def searched(index: Index, queries: Sequence[str]) -> None:
    for query in queries:
        index.search(query, reader=READER, limit=5)


def main() -> None:
    dice = random.Random(1)
    print("documents       MB   index s   process MB", *(f"{name:>15}" for name in QUERIES))
    for count in SIZES:
        documents = made(count, dice)
        size = sum(len(each.text) for each in documents) / 1e6
        seconds, index = timed(partial(Index, documents, SqliteTerms))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        columns = []
        for least, most in QUERIES.values():
            asked = [
                " ".join(f"word{dice.randint(least, most)}" for _ in range(5))
                for _ in range(SEARCHES)
            ]
            took, _ = timed(partial(searched, index, asked))
            columns.append(f"{took / SEARCHES * 1000:>12.1f} ms")
        print(f"{count:>9} {size:>8.1f} {seconds:>9.2f} {memory:>12.0f}", *columns)


if __name__ == "__main__":
    main()
