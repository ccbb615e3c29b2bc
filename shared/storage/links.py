"""Links to files of a folder: URLs that are signed, say what they allow, and expire.

What S3 does for a bucket. A link names one file and one method; who has it needs no credential.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import NamedTuple

from shared.clock import Clock

PATH = "/_files/"
"""Below this a laptop serves them."""

_MAX_TOKEN = 8192
_CONTEXT = b"parley-file-link:"
"""So that nothing else which is signed with the secret is a link."""


class Grant(NamedTuple):
    """What a link allows: to GET a file, which is saved as `shown_as`, or to PUT one of exactly
    `size` bytes."""

    method: str
    name: str
    content_type: str
    size: int
    shown_as: str


class Links:
    """Makes and reads links. `secret` is asked for when the first one is made, and raises where
    there is none."""

    def __init__(self, base_url: str, secret: Callable[[], str], clock: Clock) -> None:
        self._base = base_url
        self._secret = secret
        self._clock = clock

    def url(self, grant: Grant, seconds: int) -> str:
        """The link, good for so many seconds."""
        until = self._clock.now() + seconds * 1000
        text = json.dumps([*grant, until], ensure_ascii=False, separators=(",", ":")).encode()
        return f"{self._base}{PATH}{_encoded(text)}.{_encoded(self._signature(text))}"

    def read(self, token: str) -> Grant | None:
        """What the link allows that ends in this; None: it is no link of ours, or has expired."""
        said, _, signature = token[:_MAX_TOKEN].partition(".")
        try:
            text, given = _decoded(said), _decoded(signature)
        except (ValueError, binascii.Error):
            return None
        if not hmac.compare_digest(given, self._signature(text)):
            return None
        *grant, until = json.loads(text)
        return Grant(*grant) if self._clock.now() < until else None

    def _signature(self, text: bytes) -> bytes:
        return hmac.new(self._secret().encode(), _CONTEXT + text, hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
