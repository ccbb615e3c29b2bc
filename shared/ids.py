"""Identifiers: random, time-ordered, derived, and such that carry their key."""

import base64
import binascii
import json
import secrets
import uuid

from shared.errors import NotFound

AGENT_NAMESPACE = uuid.UUID("6f1d7c52-8f0b-5d1c-9c7e-2b6a4d0e9a11")
MAX_PART = 512
"""Bytes of one part of a packed id; more than any key that we make."""

SESSION_NAMESPACE = uuid.UUID("c0a5bd4e-3a53-5b0c-8d62-4f3a4f6f9b27")


def new_id() -> str:
    """A random UUID."""
    return str(uuid.uuid4())


def time_ordered_id(now: int) -> str:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of `now` in milliseconds, then randomness."""
    value = (now & ((1 << 48) - 1)) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return str(uuid.UUID(int=value | 0b10 << 62 | secrets.randbits(62)))


def agent_uuid(agent_id: str) -> str:
    """The UUID under which an agent appears on the wire: itself, or a fixed UUIDv5 of its id."""
    try:
        return str(uuid.UUID(agent_id))
    except ValueError:
        return str(uuid.uuid5(AGENT_NAMESPACE, agent_id))


def pack(kind: str, *parts: str) -> str:
    """An opaque id that carries its parts, so that no lookup table is needed."""
    raw = json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
    return f"{kind}_{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def unpack(kind: str, value: str, count: int) -> tuple[str, ...]:
    """The parts of an id made by `pack`.

    Raises:
        NotFound: the value is no id of this kind; to a caller it does not exist.
    """
    prefix, _, encoded = value.partition("_")
    try:
        padded = encoded.encode("ascii") + b"=" * (-len(encoded) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as fault:
        raise NotFound from fault
    if prefix != kind or not isinstance(parts, list) or len(parts) != count:
        raise NotFound
    if not all(isinstance(part, str) and _fits_key(part) for part in parts):
        raise NotFound
    return tuple(parts)


def _fits_key(part: str) -> bool:
    """Whether a table can have the text in a key: neither half characters nor over-long ones."""
    try:
        return 0 < len(part.encode()) <= MAX_PART
    except UnicodeEncodeError:
        return False
