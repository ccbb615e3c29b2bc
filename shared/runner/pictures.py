"""Pictures as the model is shown them."""

import base64
from dataclasses import dataclass
from typing import Any, Self

from shared.runner.picture_shapes import shape_of

MAX_BYTES = 5 * 1024 * 1024
"""Of one picture, as the Messages API takes it."""

MAX_SIDE = 8_000
"""Pixels of a side of a picture, as the Messages API takes it."""

MAX_TOGETHER = 15 * 1024 * 1024
"""Bytes of all pictures in a request, which may have 32 MB with everything."""

SHOWN_AGAIN = 4
"""Pictures of earlier messages that go along again, the newest."""

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class BadPicture(ValueError):
    """A model cannot be shown this. The text goes on after `could not be had: `."""


@dataclass(frozen=True)
class Picture:
    """`data` is base64."""

    media_type: str
    data: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> Self | None:
        """None if it is no picture that a model can be shown; see `shown_kind`."""
        try:
            kind = shown_kind(content)
        except BadPicture:
            return None
        return cls(kind, base64.b64encode(content).decode(), len(content))

    @property
    def block(self) -> dict[str, Any]:
        """As a block of the Messages API."""
        source = {"type": "base64", "media_type": self.media_type, "data": self.data}
        return {"type": "image", "source": source}


def shown_kind(content: bytes) -> str:
    """The media type of a picture that a model can be shown.

    Raises:
        BadPicture: of another kind, too large, or not whole. A provider refuses the whole request
            for one such picture.
    """
    kind = kind_of(content)
    if kind is None:
        raise BadPicture("it is no PNG, JPEG, GIF or WebP picture.")
    if len(content) > MAX_BYTES:
        raise BadPicture(f"a picture may have {MAX_BYTES // 1024 // 1024} MB.")
    shape = shape_of(kind, content)
    if shape is None or min(shape) < 1:
        raise BadPicture("it is damaged, or not a whole picture.")
    if max(shape) > MAX_SIDE:
        raise BadPicture(f"it has {shape[0]} x {shape[1]} pixels; a side may have {MAX_SIDE}.")
    return kind


def kind_of(content: bytes) -> str | None:
    """What a file begins like: the media type of a PNG, JPEG, GIF or WebP, whatever it is said to
    be; None for all else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for begins, kind in _BEGINNINGS if content.startswith(begins)), None)
