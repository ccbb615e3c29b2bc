"""The links of the Artifacts port, used as people use them. An adapter's test file supplies
`artifacts`, and serves what the links lead to."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from shared.storage.artifacts import Artifacts
from tests.support.gateway import PATIENCE

NAME = "conversations/a%2Fb/c/files/é +#?.txt"


def asked(
    method: str, url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """One request without credentials."""
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, {**answer.headers}, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, {**refused.headers}, refused.read()


class LinksContract:
    def test_what_is_uploaded_is_there(self, artifacts: Artifacts) -> None:
        link = artifacts.upload_link(NAME, content_type="text/plain", size=5, seconds=60)
        status, _, _ = asked(link.method, link.url, b"hello", link.headers)
        assert status == 200
        assert artifacts.get(NAME) == b"hello"

    def test_what_is_downloaded_is_saved_and_not_shown(self, artifacts: Artifacts) -> None:
        artifacts.put(NAME, b"<script>")
        url = artifacts.download_link(NAME, shown_as='é".txt', content_type="text/html", seconds=60)
        status, headers, body = asked("GET", url)
        assert (status, body) == (200, b"<script>")
        named = {name.lower(): value for name, value in headers.items()}
        said = named["content-disposition"]
        assert said == "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%A9%22.txt"
        assert named["content-type"].startswith("text/html")

    @pytest.mark.parametrize("name", ["", "../a", "a//b", "a\x00b"])
    def test_bad_names_have_no_links(self, artifacts: Artifacts, name: str) -> None:
        more: dict[str, Any] = {"content_type": "a/b", "seconds": 60}
        with pytest.raises(ValueError):
            artifacts.upload_link(name, size=1, **more)
        with pytest.raises(ValueError):
            artifacts.download_link(name, shown_as="a", **more)
