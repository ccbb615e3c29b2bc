"""The contract of the Artifacts port. An adapter's test file supplies `artifacts`."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.storage.artifacts import ArtifactExists, Artifacts

# In the order of their UTF-8 bytes: `-` comes before `/`, and `/` before a digit.
NAMES = [
    " blank ",
    "#hash+plus%20?&=",
    "a",
    "ab-c/1",
    "ab/1",
    "ab/1-x",
    "ab/10",
    "ab/2/deep/er",
    "ab/2a",
    "ab0",
    "b/.hidden",
    "b/..dots",
    "é/ß.txt",
    "中/文",
    "😀",
]
NAMES.sort(key=str.encode)
BAD_NAMES = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    ".parley/a",
    "../a",
    "a/../b",
    "a/./b",
    "a\\b",
    "\\unfinished/a",
    "a\x00b",
    "a\nb",
    "a\x7f",
    "\ud800",
    "x" * 201,
    "é" * 101,
    "/".join(["x" * 150] * 7),
]


class ArtifactsContract:
    @pytest.fixture
    def filled(self, artifacts: Artifacts) -> list[str]:
        for name in random.Random(1).sample(NAMES, len(NAMES)):
            artifacts.put(name, name.encode())
        return NAMES

    @pytest.mark.parametrize("data", [b"", b"\x00\xff", b"text\r\n", b"x" * 3_000_000], ids=len)
    def test_what_is_put_comes_back(self, artifacts: Artifacts, data: bytes) -> None:
        artifacts.put("topics/1/shared/summary.md", data, content_type="text/markdown")
        assert artifacts.get("topics/1/shared/summary.md") == data
        (listed,) = artifacts.list("").artifacts
        assert (listed.name, listed.size) == ("topics/1/shared/summary.md", len(data))

    def test_every_name_is_a_file_of_its_own(self, artifacts: Artifacts, filled: list[str]) -> None:
        assert [artifacts.get(name) for name in filled] == [name.encode() for name in filled]

    def test_a_name_of_the_greatest_length(self, artifacts: Artifacts) -> None:
        name = "/".join(["é" * 100] * 4)
        artifacts.put(name, b"1")
        assert artifacts.get(name) == b"1"
        assert [artifact.name for artifact in artifacts.list("é").artifacts] == [name]

    def test_what_is_missing_is_none(self, artifacts: Artifacts) -> None:
        artifacts.put("a/b", b"1")
        assert [artifacts.get(name) for name in ("x", "a", "a/x", "a/b/c")] == [None] * 4

    def test_a_second_put_replaces_the_first(self, artifacts: Artifacts) -> None:
        artifacts.put("a", b"a longer text")
        artifacts.put("a", b"short")
        assert artifacts.get("a") == b"short"
        assert [artifact.size for artifact in artifacts.list("").artifacts] == [5]

    def test_if_absent(self, artifacts: Artifacts) -> None:
        artifacts.put("a/b", b"first", if_absent=True)
        with pytest.raises(ArtifactExists):
            artifacts.put("a/b", b"second", if_absent=True)
        assert artifacts.get("a/b") == b"first"
        artifacts.delete("a/b")
        artifacts.put("a/b", b"third", if_absent=True)
        assert artifacts.get("a/b") == b"third"

    def test_one_of_many_threads_is_first(self, artifacts: Artifacts) -> None:
        def first(number: int) -> bool:
            try:
                artifacts.put("a/lock", str(number).encode(), if_absent=True)
            except ArtifactExists:
                return False
            return True

        with ThreadPoolExecutor(12) as pool:
            outcomes = list(pool.map(first, range(12)))
        assert sum(outcomes) == 1
        assert artifacts.get("a/lock") == str(outcomes.index(True)).encode()

    def test_readers_see_whole_files(self, artifacts: Artifacts) -> None:
        contents = [bytes([number]) * 200_000 for number in range(12)]
        artifacts.put("a", contents[0])
        with ThreadPoolExecutor(4) as pool:
            writes = [pool.submit(artifacts.put, "a", data) for data in contents]
            seen = [artifacts.get("a") for _ in range(20)]
            for write in writes:
                write.result()
        assert all(data in contents for data in seen)
        assert [artifact.name for artifact in artifacts.list("").artifacts] == ["a"]

    def test_delete(self, artifacts: Artifacts, filled: list[str]) -> None:
        artifacts.delete("ab/1")
        artifacts.delete("ab/1")
        artifacts.delete("nobody/knows")
        assert artifacts.get("ab/1") is None
        names = [artifact.name for artifact in artifacts.list("").artifacts]
        assert names == [name for name in filled if name != "ab/1"]

    @pytest.mark.parametrize("prefix", ["", "a", "ab", "ab/", "ab/1", "b/.", "é", "zz", "ab/2/d"])
    def test_a_prefix(self, artifacts: Artifacts, filled: list[str], prefix: str) -> None:
        listing = artifacts.list(prefix)
        names = [artifact.name for artifact in listing.artifacts]
        assert names == [name for name in filled if name.startswith(prefix)]
        assert listing.cursor is None

    @pytest.mark.parametrize("limit", [1, 2, 4, 100])
    @pytest.mark.parametrize("prefix", ["", "ab"])
    def test_pages(self, artifacts: Artifacts, filled: list[str], limit: int, prefix: str) -> None:
        found: list[str] = []
        cursor = None
        for _ in range(len(filled) + 1):
            listing = artifacts.list(prefix, limit=limit, cursor=cursor)
            assert len(listing.artifacts) <= limit
            found += [artifact.name for artifact in listing.artifacts]
            cursor = listing.cursor
            if cursor is None:
                break
        assert cursor is None
        assert found == [name for name in filled if name.startswith(prefix)]

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_page_has_at_least_one(self, artifacts: Artifacts, limit: int) -> None:
        with pytest.raises(ValueError):
            artifacts.list("", limit=limit)

    @pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name)[:20])
    def test_what_is_no_name_is_refused(self, artifacts: Artifacts, name: str) -> None:
        with pytest.raises(ValueError):
            artifacts.put(name, b"1")
        with pytest.raises(ValueError):
            artifacts.get(name)
        with pytest.raises(ValueError):
            artifacts.delete(name)
        assert artifacts.list("").artifacts == []
