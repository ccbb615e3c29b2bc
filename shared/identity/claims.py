"""What a token says: whether it is for us and for now, and who the caller is.

The claims come from a token whose signature holds, so whoever has the key wrote them. They are
read strictly all the same: a claim of the wrong type is a mistake of theirs, and guessing what
was meant could let somebody in.

    exp, nbf, iat                 seconds since the epoch; `exp` is required
    iss, aud                      must be what is configured
    sub                           the user; required
    tenant, or org, or org_id     the first of them that is there is the tenant
    email, email_verified         the address, unless it is not verified
    groups, or cognito:groups     a list of texts
    roles, role                   a list of texts or one text, and one text
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

from shared.identity.principal import ALL, SERVICE, USER, Principal

Claims = Mapping[str, Any]

LATEST = 253_402_300_799
"""The last second of the year 9999; a time after it is taken for a mistake in the unit."""

_TENANT = ("tenant", "org", "org_id")
_GROUPS = ("groups", "cognito:groups")


class Refused(Exception):
    """A token is refused. `kind` says why in a word or two of ours, for the log; it has nothing
    of the token in it."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def check_times(claims: Claims, now: int, leeway: int) -> int:
    """When the token expires. All times are in milliseconds, and clocks may differ by `leeway`.

    Raises:
        Refused: it has expired, is not valid yet, or says when in a way that cannot be read.
    """
    expires_at = _time(claims, "exp")
    if now > expires_at + leeway:
        raise Refused("expired")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now + leeway:
            raise Refused("not valid yet")
    return expires_at


def check_source(claims: Claims, issuer: str | None, audience: Collection[str]) -> None:
    """Without an issuer anybody who has the key may be it. Without an audience the token may
    name none either: it would be meant for somebody else.

    Raises:
        Refused: somebody else issued it, or it is for somebody else.
    """
    issued_by = _text(claims, "iss") if "iss" in claims else None
    if issuer is not None and issued_by != issuer:
        raise Refused("issuer")
    if "aud" not in claims:
        meant = not audience
    else:
        meant = any(name in audience for name in _texts(claims, "aud"))
    if not meant:
        raise Refused("audience")


def principal_of(claims: Claims, tenant: str | None) -> Principal:
    """Who the caller is; `tenant` is the one of tokens that name none.

    The role `all` is left out: only the owner of a machine has it. The user `service` is the
    tenant's service, so nobody is called that without the role.

    Raises:
        Refused: a claim is missing, or is not what it must be.
    """
    user, roles = _text(claims, "sub"), _roles(claims)
    if user == SERVICE and SERVICE not in roles:
        raise Refused("sub")
    try:
        return Principal(
            tenant=_tenant(claims, tenant),
            user=user,
            roles=roles,
            email=_email(claims),
            groups=_groups(claims),
        )
    except ValueError:
        raise Refused("a name") from None


def _tenant(claims: Claims, usual: str | None) -> str:
    named = next((name for name in _TENANT if name in claims), None)
    if named is not None:
        return _text(claims, named)
    if usual is None:
        raise Refused("tenant")
    return usual


def _email(claims: Claims) -> str | None:
    if "email" not in claims:
        return None
    email = _text(claims, "email")
    # Some issuers write every claim as text. What is neither of these proves nothing.
    verified = claims.get("email_verified", True)
    return email if verified is True or verified == "true" else None


def _groups(claims: Claims) -> frozenset[str]:
    named = next((name for name in _GROUPS if name in claims), None)
    if named is None:
        return frozenset()
    if isinstance(claims[named], str):
        raise Refused(named)
    return _texts(claims, named)


def _roles(claims: Claims) -> frozenset[str]:
    several = _texts(claims, "roles") if "roles" in claims else frozenset()
    one = {_text(claims, "role")} if "role" in claims else set()
    roles = (several | one) - {ALL}
    return roles if SERVICE in roles else roles | {USER}


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise Refused(name)
    return value


def _texts(claims: Claims, name: str) -> frozenset[str]:
    """A list of texts, or one text, which stands for a list of it alone."""
    value = claims.get(name)
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        raise Refused(name)
    return frozenset(listed)


def _time(claims: Claims, name: str) -> int:
    """The time in milliseconds."""
    seconds = claims.get(name)
    # True is a number to Python.
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise Refused(name)
    if not 0 <= seconds <= LATEST:
        raise Refused(name)
    return math.floor(seconds * 1000)
