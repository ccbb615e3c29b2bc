"""The principal: who a caller is, once a credential has been checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

MAX_NAME = 128
MAX_WORDS = 256
MAX_EMAIL = 254

SERVICE = "service"
"""The role of a program that acts for its whole tenant; also the name of its user."""

USER = "user"
ADMIN = "admin"
"""Sees what a tenant uses and what could not be delivered, and has it delivered again."""

ALL = "all"
"""Every role, for a machine of one person."""


@dataclass(frozen=True)
class Principal:
    """A user of a tenant.

    Raises:
        ValueError: a name is empty, too long, or not printable.
    """

    tenant: str
    user: str
    roles: frozenset[str]
    email: str | None = None
    groups: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in (self.tenant, self.user):
            check_name(name)
        for words in (self.roles, self.groups):
            _check_words(words)
        if self.email is not None:
            check_name(self.email, MAX_EMAIL)

    def has_role(self, role: str) -> bool:
        return role in self.roles or ALL in self.roles

    def to_dict(self) -> dict[str, Any]:
        """As it is stored, with a connection or a ticket."""
        stored: dict[str, Any] = {
            "tenant": self.tenant,
            "user": self.user,
            "roles": sorted(self.roles),
        }
        if self.email is not None:
            stored["email"] = self.email
        if self.groups:
            stored["groups"] = sorted(self.groups)
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The principal that `to_dict` stored.

        Raises:
            KeyError, ValueError: that is not what is stored there.
        """
        return cls(
            tenant=stored["tenant"],
            user=stored["user"],
            roles=frozenset(stored["roles"]),
            email=stored.get("email"),
            groups=frozenset(stored.get("groups", ())),
        )


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What a checked credential says: who, until when (ms; None: as long as it is not used up),
    and, if it may be used only once, a name that stands for it and says nothing about it."""

    principal: Principal
    expires_at: int | None = None
    once: str | None = None


def check_name(text: str, limit: int = MAX_NAME) -> None:
    """Raises ValueError unless the text can stand in keys, headers and logs."""
    if not 1 <= len(text) <= limit or not text.isprintable() or text.isspace():
        raise ValueError(f"a name has 1 to {limit} printable characters")


def _check_words(words: Iterable[str]) -> None:
    listed = list(words)
    if len(listed) > MAX_WORDS:
        raise ValueError(f"a principal has at most {MAX_WORDS} roles and as many groups")
    for word in listed:
        check_name(word)
