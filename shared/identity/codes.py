"""One-time codes: six digits that were sent to somebody, and come back from them.

A code is never stored. What is stored has a random salt and a HMAC of both, under a key that is
derived for codes alone from the secret of `authContext`:

    <salt, 32 hexadecimal digits>.<HMAC-SHA256(key, "<salt>.<code>"), 64 of them>

A million codes are soon tried by whoever has the key: it is the secret that keeps a stolen table
from telling codes, and the caller who limits attempts and time.
"""

import hmac
import re
import secrets

DIGITS = 6

_SALT_BYTES = 16
_LONGEST_TYPED = 64
_STORED = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)
# Spaces and dashes of all kinds: keyboards and mail programs put in their own.
_BETWEEN = re.compile(r"[\s\u00ad\u200b\u2010-\u2015\u2212-]+")
# Begins with a character that nothing else signed with this secret can begin with.
_PURPOSE = b"\0parley one-time codes"


class Codes:
    """Makes codes and recognizes them. `secret` is shared by all who send and check them."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, "sha256")

    def make(self) -> tuple[str, str]:
        """A new code, and what is stored of it."""
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        salt = secrets.token_hex(_SALT_BYTES)
        return code, f"{salt}.{self._digest(salt, code)}"

    def matches(self, stored: str, code: str) -> bool:
        """Whether somebody has typed the code that this was stored for. Spaces and dashes in it do
        not matter; whatever is malformed is not it."""
        found = _STORED.fullmatch(stored)
        typed = _read(code)
        if found is None or not _CODE.fullmatch(typed):
            return False
        salt, digest = found.groups()
        return hmac.compare_digest(self._digest(salt, typed), digest)

    @staticmethod
    def is_one(typed: str) -> bool:
        """Whether this can be a code at all, whichever: what cannot is no try at one."""
        return _CODE.fullmatch(_read(typed)) is not None

    def _digest(self, salt: str, code: str) -> str:
        return hmac.digest(self._key, f"{salt}.{code}".encode(), "sha256").hex()


def _read(typed: str) -> str:
    return _BETWEEN.sub("", typed) if len(typed) <= _LONGEST_TYPED else ""


def masked(address: str) -> str:
    """An address as somebody is shown it who knows it anyway: `a***@example.org`. Of what stands
    before the last `@` no more than the first character; of what is no address, nothing."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}" if at and domain else "***"
