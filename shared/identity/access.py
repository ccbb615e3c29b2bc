"""Who may do what: the one function that decides.

It answers yes or no. Whoever is told no shows what would be shown if the thing did not exist.

    what                        its owner   shared with      the role       the role    another
                                            the tenant       of a decider   admin       tenant
    create, list (one's own)    yes         -                -              -           no
    read, write, stop           yes         yes              no             no          no
    manage                      yes         no               no             no          no
    decide                      unless it   no               yes            no          no
                                names roles
    erase (all of a user's)     yes         no               no             yes, as of  no
                                                                            no owner
    read, replay, erase what    -           -                -              yes         no
    has no owner (usage, deliveries, all of a tenant)

The role `service` may everything in its tenant, and nothing in another one.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from shared.identity.principal import ADMIN, SERVICE, Principal

Action = Literal["create", "list", "read", "write", "stop", "manage", "decide", "replay", "erase"]
"""What is done: begin something or list what one has; see it, add to it, stop its work; rename,
export, end or remove it; answer its prompts; try again what had failed; remove all that somebody
has."""

_ACTIONS = frozenset(get_args(Action))
_SHARED = frozenset({"read", "write", "stop"})
_ADMINISTRATION = frozenset({"list", "read", "replay", "erase"})


@dataclass(frozen=True, kw_only=True)
class Thing:
    """What something is done with.

    `owner` is the name of a user; None for what belongs to the tenant as a whole. `shared`: other
    users of the tenant take part in it. `deciders` are the roles, one of which somebody needs who
    answers its prompt; without any the owner answers.
    """

    tenant: str
    owner: str | None
    shared: bool = False
    deciders: frozenset[str] = frozenset()


def own(principal: Principal) -> Thing:
    """What is the principal's own, or will be."""
    return Thing(tenant=principal.tenant, owner=principal.user)


def may(principal: Principal, action: Action | str, thing: Thing) -> bool:
    """Whether the principal may do this with the thing. An action that is not known is not
    allowed."""
    if action not in _ACTIONS or principal.tenant != thing.tenant:
        return False
    if principal.has_role(SERVICE):
        return True
    if thing.owner is None:
        return action in _ADMINISTRATION and principal.has_role(ADMIN)
    if action == "decide" and thing.deciders:
        return any(principal.has_role(role) for role in thing.deciders)
    return principal.user == thing.owner or (thing.shared and action in _SHARED)
