"""Documents in S3, on moto; and what S3 says when it does not give them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from shared.knowledge import s3
from shared.knowledge.documents import Source
from shared.knowledge.port import KnowledgeUnavailable
from shared.knowledge.s3 import S3Folder
from tests.contracts.knowledge_contract import SourceContract
from tests.support.aws import client, fresh_bucket, moto_server


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


class TestS3(SourceContract):
    client: Any
    bucket: str

    @pytest.fixture(autouse=True)
    def _place(self, moto: str) -> Iterator[None]:
        with client("s3", moto) as made:
            self.client, self.bucket = made, fresh_bucket(made)
            yield

    @pytest.fixture
    def source(self) -> Source:
        return S3Folder(lambda: self.client, f"s3://{self.bucket}/docs/support")

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            self.client.put_object(Bucket=self.bucket, Key=f"docs/support/{name}", Body=data)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=f"docs/support/{name}")

    def test_a_prefix_is_a_folder_and_no_beginning_of_a_name(self, source: Source) -> None:
        self.put({"a.md": b"A"})
        self.client.put_object(Bucket=self.bucket, Key="docs/support-internal/b.md", Body=b"B")
        assert [each.id for each in source.listed()] == ["a.md"]

    def test_a_whole_bucket(self) -> None:
        self.put({"a.md": b"A"})
        source = S3Folder(lambda: self.client, f"s3://{self.bucket}")
        assert [each.id for each in source.listed()] == ["docs/support/a.md"]
        assert list(source.read(source.listed())) == [b"A"]

    def test_one_that_has_changed_since_is_not_taken_for_what_was_listed(
        self, source: Source
    ) -> None:
        self.put({"a.md": b"one"})
        listed = source.listed()
        self.put({"a.md": b"two"})
        with pytest.raises(KnowledgeUnavailable, match="has changed meanwhile"):
            list(source.read(listed))

    def test_long_lists_come_in_pages(self, source: Source) -> None:
        self.put({f"{n:04}.md": b"x" for n in range(1001)})
        assert len(source.listed()) == 1001

    def test_there_is_no_such_bucket(self) -> None:
        with pytest.raises(KnowledgeUnavailable, match="there is no such bucket"):
            S3Folder(lambda: self.client, "s3://nobody-has-this-one/x").listed()


@pytest.mark.parametrize(
    ("code", "reason"),
    [("AccessDenied", "access is denied; name the bucket"), ("SlowDown", "S3 refuses")],
)
def test_what_s3_says_is_not_repeated(code: str, reason: str) -> None:
    with client("s3", "http://127.0.0.1:9") as made, Stubber(made) as stubbed:
        stubbed.add_client_error("list_objects_v2", code, "SECRET", 403)
        with pytest.raises(KnowledgeUnavailable, match=reason) as fault:
            S3Folder(lambda: made, "s3://bucket-of-ours/x").listed()
    assert "SECRET" not in str(fault.value)


def test_s3_does_not_answer() -> None:
    def absent() -> Any:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    with pytest.raises(KnowledgeUnavailable, match="S3 does not answer for s3://bucket-of-ours/x"):
        S3Folder(absent, "s3://bucket-of-ours/x").listed()


def test_a_place_with_other_things_in_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "MAX_PAGES", 2)
    page = {"IsTruncated": True, "NextContinuationToken": "more"}
    with client("s3", "http://127.0.0.1:9") as made, Stubber(made) as stubbed:
        for _ in range(2):
            stubbed.add_response("list_objects_v2", page)
        with pytest.raises(KnowledgeUnavailable, match="more than 2,000 objects"):
            S3Folder(lambda: made, "s3://bucket-of-ours/x").listed()
