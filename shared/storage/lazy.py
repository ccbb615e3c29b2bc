"""Artifacts that are opened when first used: most turns spill nothing, and a client costs time."""

from collections.abc import Callable
from functools import cached_property

from shared.storage.artifacts import Artifacts, Listing, UploadLink


class LazyArtifacts:
    """The artifacts that `open_` gives, once somebody needs them."""

    def __init__(self, open_: Callable[[], Artifacts]) -> None:
        self._open = open_

    @cached_property
    def _artifacts(self) -> Artifacts:
        return self._open()

    def put(
        self,
        name: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
    ) -> None:
        self._artifacts.put(name, data, content_type=content_type, if_absent=if_absent)

    def get(self, name: str) -> bytes | None:
        return self._artifacts.get(name)

    def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> Listing:
        return self._artifacts.list(prefix, limit=limit, cursor=cursor)

    def delete(self, name: str) -> None:
        self._artifacts.delete(name)

    def upload_link(self, name: str, *, content_type: str, size: int, seconds: int) -> UploadLink:
        return self._artifacts.upload_link(
            name, content_type=content_type, size=size, seconds=seconds
        )

    def download_link(self, name: str, *, shown_as: str, content_type: str, seconds: int) -> str:
        return self._artifacts.download_link(
            name, shown_as=shown_as, content_type=content_type, seconds=seconds
        )
