"""Who may do what: the one function that decides, and the owner's name in the index.

It answers yes or no. Whoever is told no shows what would be shown if the thing did not exist.
"""

from typing import Literal, get_args

from shared.identity.principal import SERVICE, Principal
from shared.mailbox.box import key_part

Action = Literal["read", "write", "stop", "decide", "delete"]
"""What is done with something that has an owner: see it, add to it, stop its work, answer its
prompts, remove it."""

_ACTIONS = frozenset(get_args(Action))


def may(principal: Principal, action: Action | str, *, tenant: str, owner: str) -> bool:
    """Whether the principal may do this with what `owner` (a user's name) has in `tenant`.

    Nobody may anything in another tenant. In their own, owners may everything with what is
    theirs, and the role `service` everything. An action that is not known is not allowed.
    """
    if action not in _ACTIONS or principal.tenant != tenant:
        return False
    return principal.user == owner or principal.has_role(SERVICE)


def owner_key(principal: Principal) -> str:
    """What stands in the index of owners (`owned_by`) for the principal's own things."""
    return f"{key_part(principal.tenant)}#{key_part(principal.user)}"
