"""Links on S3, as moto imitates it. It checks no signatures: what is signed is read off the URL."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from shared.storage.artifacts import ArtifactsUnavailable
from shared.storage.s3 import S3Artifacts
from tests.contracts.links_contract import LinksContract
from tests.support.aws import client, fresh_bucket


class TestMoto(LinksContract):
    @pytest.fixture
    def artifacts(self, moto: str) -> Iterator[S3Artifacts]:
        with client("s3", moto) as s3:
            yield S3Artifacts(s3, fresh_bucket(s3))


def abroad(**keys: str) -> S3Artifacts:
    made = boto3.session.Session().client("s3", region_name="eu-central-1", **keys)
    return S3Artifacts(made, "our-bucket")


def test_length_and_type_are_signed_and_the_region_is_named() -> None:
    artifacts = abroad(aws_access_key_id="test", aws_secret_access_key="test")
    link = artifacts.upload_link("a/b", content_type="text/plain", size=5, seconds=900)
    parts = urlsplit(link.url)
    query = parse_qs(parts.query)
    assert parts.netloc == "our-bucket.s3.eu-central-1.amazonaws.com"
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["900"])
    assert (link.method, link.headers) == ("PUT", {"Content-Type": "text/plain"})


def test_without_credentials_there_are_no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(ArtifactsUnavailable):
        abroad().download_link("a", shown_as="a", content_type="a/b", seconds=1)
