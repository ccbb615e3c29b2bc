"""Pictures as the model is shown them."""

import base64
from dataclasses import dataclass
from typing import Any, Self

MAX_BYTES = 5 * 1024 * 1024
"""Of one picture, as the Messages API takes it."""

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


@dataclass(frozen=True)
class Picture:
    """`data` is base64."""

    media_type: str
    data: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> Self | None:
        """None if it is no picture that a model can be shown: of another kind, or too large."""
        kind = kind_of(content)
        if kind is None or len(content) > MAX_BYTES:
            return None
        return cls(kind, base64.b64encode(content).decode(), len(content))

    @property
    def block(self) -> dict[str, Any]:
        """As a block of the Messages API."""
        source = {"type": "base64", "media_type": self.media_type, "data": self.data}
        return {"type": "image", "source": source}


def kind_of(content: bytes) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP, whatever it is said to be; None for all else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for begins, kind in _BEGINNINGS if content.startswith(begins)), None)
