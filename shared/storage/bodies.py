"""Bodies as bytes: JSON, compressed where that pays, and the names of those that spill."""

import hashlib
import json
import uuid
import zlib
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

SPILL_BYTES = 250_000
"""A packed body of more bytes goes to Artifacts."""

_PLAIN, _DEFLATED = b"\x00", b"\x01"
_WORTH_TRYING = 1024
_READABLE = 120


def pack(body: Mapping[str, Any]) -> bytes:
    """The body as bytes; the first one says how the others are to be read.

    Raises:
        ValueError: something in it is no JSON.
    """
    try:
        text = json.dumps(dict(body), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"a body must be JSON: {error}") from error
    plain = text.encode()
    if len(plain) >= _WORTH_TRYING:
        deflated = zlib.compress(plain)
        if len(deflated) < len(plain) * 9 // 10:
            return _DEFLATED + deflated
    return _PLAIN + plain


def unpack(data: bytes) -> dict[str, Any]:
    """The body that `pack` was given."""
    rest = data[1:] if data[:1] == _PLAIN else zlib.decompress(data[1:])
    return cast(dict[str, Any], json.loads(rest))


def spill_prefix(pk: str) -> str:
    """Where the spilled bodies of one partition lie; to delete them, delete by this prefix.

    `spill_partitions` gives the prefix for all partitions whose keys begin alike.
    """
    name = _encoded(pk)
    if len(name) > _READABLE:
        name = f"{name[:_READABLE]}~{hashlib.sha256(pk.encode()).hexdigest()}"
    return f"spill/{name}/"


def spill_partitions(beginning: str) -> str:
    """The prefix of `spill_prefix(pk)` for every `pk` that begins so, such as `CONV#tenant#`.

    Raises:
        ValueError: the beginning is too long to tell such partitions from others.
    """
    name = _encoded(beginning)
    if len(name) > _READABLE:
        raise ValueError("the beginning of the keys is too long")
    return f"spill/{name}"


def spill_name(pk: str) -> str:
    """A new name below `spill_prefix(pk)`."""
    return f"{spill_prefix(pk)}{uuid.uuid4().hex}"


def _encoded(pk: str) -> str:
    """The key in characters that every file store can hold; each character stands for itself
    or becomes `%XX`, so what begins alike still does. `~` is free for the shortened form."""
    return quote(pk, safe="#").replace(".", "%2E").replace("~", "%7E")
