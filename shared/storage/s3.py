"""Artifacts in an S3 bucket, under the same names."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shared.storage.artifacts import (
    Artifact,
    ArtifactExists,
    ArtifactsUnavailable,
    Listing,
    UploadLink,
    check_name,
    saved_as,
)

_MISSING: Final = frozenset({"NoSuchKey", "404"})
_EXISTS: Final = frozenset({"PreconditionFailed", "412"})
# 409: another write of the same name was in flight; which of them won is not said.
_BUSY: Final = frozenset(
    {"ConditionalRequestConflict", "OperationAborted", "SlowDown", "RequestTimeout"}
)
_SERVER_ERROR: Final = 500
_PAGE: Final = 1000


class S3Artifacts:
    """The objects of a bucket, through a boto3 client. Times are S3's, in whole seconds.

    The client may retry: a `put` with `if_absent` whose first answer was lost then finds its
    own file and raises `ArtifactExists`.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        # Unique ids: the client may serve others before and after.
        events = client.meta.events
        events.register_first("choose-signer.s3", _by_version_4, unique_id="parley-signer")
        events.register("provide-client-params.s3", _in_its_region, unique_id="parley-region")

    def put(
        self,
        name: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
    ) -> None:
        condition = {"IfNoneMatch": "*"} if if_absent else {}
        with _translated():
            self._client.put_object(
                Bucket=self._bucket,
                Key=check_name(name),
                Body=data,
                ContentType=content_type,
                **condition,
            )

    def get(self, name: str) -> bytes | None:
        with _translated():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=check_name(name))
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise
            with closing(answer["Body"]) as body:
                data: bytes = body.read()
        return data

    def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> Listing:
        if limit < 1:
            raise ValueError("a page has at least one artifact")
        start = {"StartAfter": cursor} if cursor else {}
        with _translated():
            answer = self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=prefix, MaxKeys=min(limit, _PAGE), **start
            )
        found = [
            Artifact(entry["Key"], entry["Size"], int(entry["LastModified"].timestamp() * 1000))
            for entry in answer.get("Contents", ())
        ]
        more = found and answer.get("IsTruncated")
        return Listing(found, found[-1].name if more else None)

    def delete(self, name: str) -> None:
        with _translated():
            self._client.delete_object(Bucket=self._bucket, Key=check_name(name))

    def upload_link(self, name: str, *, content_type: str, size: int, seconds: int) -> UploadLink:
        url = self._signed(
            "put_object", name, seconds, ContentType=content_type, ContentLength=size
        )
        return UploadLink(url=url, headers={"Content-Type": content_type})

    def download_link(self, name: str, *, shown_as: str, content_type: str, seconds: int) -> str:
        return self._signed(
            "get_object",
            name,
            seconds,
            ResponseContentDisposition=saved_as(shown_as),
            ResponseContentType=content_type,
        )

    def _signed(self, operation: str, name: str, seconds: int, **more: Any) -> str:
        parameters = {"Bucket": self._bucket, "Key": check_name(name), **more}
        with _translated():
            url: str = self._client.generate_presigned_url(
                operation, Params=parameters, ExpiresIn=seconds
            )
        return url


def _by_version_4(*, context: Mapping[str, Any], **_: Any) -> str | None:
    """The way in which URLs are signed: the older one does not cover the length of a file, and not
    all regions take it."""
    return "s3v4-query" if context.get("is_presign_request") else None


def _in_its_region(*, context: dict[str, Any], **_: Any) -> None:
    """URLs name the region of the bucket: the global address redirects for hours after a bucket
    was made, and what is signed cannot follow."""
    if context.get("is_presign_request"):
        context["use_global_endpoint"] = False


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))


@contextmanager
def _translated() -> Iterator[None]:
    """The port's errors in the place of botocore's; what the port has no word for stays."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if _code(error) in _EXISTS:
            raise ArtifactExists("there is a file under this name") from error
        if _code(error) in _BUSY or status >= _SERVER_ERROR:
            raise ArtifactsUnavailable(_code(error)) from error
        raise
    except (BotoCoreError, ResponseParserError) as error:
        raise ArtifactsUnavailable(type(error).__name__) from error
