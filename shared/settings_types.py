"""The types of the settings. Their errors go on where the name of the variable ends."""

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from shared.protocol.origins import checked_origin

MIN_SECRET = 16
MIN_JWT_SECRET = 32
"""Bytes of a key for HS256 (RFC 7518, section 3.2)."""

MAX_SENDER = 254

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
NANO = 10**9

_SQLITE = "sqlite:///"
_SENDER = re.compile(r"[a-z0-9._+-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}", re.ASCII)
_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}", re.ASCII)


def _entries(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def _host(text: str) -> str:
    if not _HOST.fullmatch(text.lower()):
        raise ValueError("must be host names such as api.example.com, separated by commas")
    return text.lower()


def _sender(text: str) -> str:
    if len(text) > MAX_SENDER or not _SENDER.fullmatch(text.lower()):
        raise ValueError("must be an email address such as no-reply@example.com, without a name")
    return text


def _http_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        # They may be secrets, and an address is shown and logged.
        more = parts.username or parts.password or parts.query or parts.fragment
    except ValueError:
        usable = more = None
    if not usable or more or not text.isprintable() or " " in text:
        raise ValueError(
            "must be an address such as https://example.com/path, without user name and query"
        )
    return text


def _sqlite_path(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    path = value.removeprefix(_SQLITE)
    if path == value or not path or path.startswith(":"):
        raise ValueError(f"must be {_SQLITE} and a path; other databases are not supported")
    return path


def _long(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < MIN_SECRET:
        raise ValueError(f"must have at least {MIN_SECRET} characters; use a random text")
    return secret


def _jwt_secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < MIN_JWT_SECRET:
        raise ValueError(f"must have at least {MIN_JWT_SECRET} characters; use a random text")
    return secret


def _public_key(text: str) -> str:
    # Many tools cannot put line breaks into a variable, and write them as two characters.
    key = text.replace("\\n", "\n").strip()
    if not key.startswith("-----BEGIN ") or "PRIVATE" in key:
        raise ValueError("must be a public key in PEM, beginning with -----BEGIN PUBLIC KEY-----")
    return key


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable text")
    return text


def _nano_usd(value: Any) -> Any:
    try:
        amount = Decimal(value)
        in_range = Decimal("0.000001") <= amount <= 10**6
    except (InvalidOperation, TypeError, ValueError):
        in_range = False
    if not in_range:
        raise ValueError("must be an amount of dollars above 0, such as 25 or 0.50")
    return int(amount * NANO)


HttpUrl = Annotated[str, AfterValidator(_http_url)]
SqlitePath = Annotated[Path, BeforeValidator(_sqlite_path)]
LongSecret = Annotated[SecretStr, AfterValidator(_long)]
JwtSecret = Annotated[SecretStr, AfterValidator(_jwt_secret)]
PublicKey = Annotated[str, Field(max_length=16_384), AfterValidator(_public_key)]
Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_printable)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_entries)]
NanoUsd = Annotated[int, BeforeValidator(_nano_usd)]
"""Written in dollars, held as whole billionths of one."""

Origins = Annotated[
    tuple[Annotated[str, AfterValidator(checked_origin)], ...], BeforeValidator(_entries)
]
Hosts = Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], BeforeValidator(_entries)]
Sender = Annotated[str, AfterValidator(_sender)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
