"""Documents in S3: every object below a prefix whose name ends in `.md`."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shared.knowledge.documents import (
    MAX_DOCUMENT,
    SUFFIX,
    Listed,
    check_count,
    id_fault,
)
from shared.knowledge.port import KnowledgeUnavailable

READERS: Final = 8
"""Objects that are read at the same time."""

MAX_PAGES: Final = 100
"""Of 1,000 objects each, documents or not."""


class S3Folder:
    """The documents below `s3://bucket/prefix`, through a boto3 client, which is made at the first
    look."""

    def __init__(self, client: Callable[[], Any], path: str) -> None:
        self.shown = path.removesuffix("/")
        self._client = client
        bucket, _, prefix = self.shown.removeprefix("s3://").partition("/")
        self._bucket = bucket
        # With its slash: "internal" must not be found below "in".
        self._prefix = f"{prefix}/" if prefix else ""

    def listed(self) -> Sequence[Listed]:
        found: list[Listed] = []
        more: dict[str, str] = {}
        for _ in range(MAX_PAGES):
            with self._translated():
                answer = self._client().list_objects_v2(
                    Bucket=self._bucket, Prefix=self._prefix, **more
                )
                found += self._documents(answer)
            check_count(len(found), self.shown)
            if not answer.get("IsTruncated"):
                return sorted(found, key=lambda each: each.id)
            more = {"ContinuationToken": answer["NextContinuationToken"]}
        raise KnowledgeUnavailable(
            f"There are more than {MAX_PAGES * 1000:,} objects below {self.shown}. Keep the "
            "documents apart from others."
        )

    def read(self, wanted: Sequence[Listed]) -> Iterator[bytes]:
        if not wanted:
            return
        with ThreadPoolExecutor(max_workers=READERS) as readers:
            # In parts: what is read ahead of whoever takes it stays in memory.
            for at in range(0, len(wanted), READERS):
                yield from readers.map(self._object, wanted[at : at + READERS])

    def _object(self, wanted: Listed) -> bytes:
        etag, _, _ = wanted.version.partition(" ")
        with self._translated():
            answer = self._client().get_object(
                Bucket=self._bucket, Key=self._prefix + wanted.id, IfMatch=etag
            )
            with closing(answer["Body"]) as body:
                data: bytes = body.read(MAX_DOCUMENT + 1)
        return data

    def _documents(self, answer: dict[str, Any]) -> Iterator[Listed]:
        for entry in answer.get("Contents", ()):
            name = str(entry["Key"]).removeprefix(self._prefix)
            if name.endswith(SUFFIX) and not any(step.startswith(".") for step in name.split("/")):
                version = f"{entry['ETag']} {entry['LastModified'].timestamp()}"
                yield Listed(
                    id=name, version=version, size=int(entry["Size"]), fault=id_fault(name)
                )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise KnowledgeUnavailable(f"{self.shown} cannot be read: {_reason(code)}.") from error
        except (BotoCoreError, ResponseParserError, OSError) as error:
            raise KnowledgeUnavailable(f"S3 does not answer for {self.shown}.") from error


def _reason(code: str) -> str:
    match code:
        case "AccessDenied" | "403":
            return (
                "access is denied; name the bucket and its objects in KnowledgeBucketArns and "
                "KnowledgeObjectArns"
            )
        case "NoSuchBucket":
            return "there is no such bucket"
        case "PreconditionFailed" | "412" | "NoSuchKey" | "404":
            return "a document has changed meanwhile"
    return "S3 refuses"
