"""Pairs of an id that another person has and one that never was."""

import base64
import secrets
from collections.abc import Callable, Sequence

from shared.conversations.approval_places import KIND as LISTED
from shared.conversations.audit import ID as DELETION
from shared.conversations.items import TURN_ID, turn_ref
from shared.ids import new_id, pack, unpack
from shared.mailbox.dead_letters import CURSOR as DEAD
from shared.mailbox.deliveries import ID as DELIVERY
from shared.mailbox.deliveries import KIND
from shared.runner.prompts import APPROVAL, INTERACTION
from tests.walls.people import NOBODY
from tests.walls.things import Things, never_asked, never_turn, nobodys_token
from tests.walls.town import Town

Pair = tuple[str, str]
Pairs = Callable[[Town, Things, Things], Sequence[Pair]]
"""Ids of somebody else with ids of nothing, given the town, what they have and what one has."""


def sessions(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(each, new_id()) for each in theirs.sessions]


def conversations(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(each, new_id()) for each in theirs.conversations]


def turns(_: Town, theirs: Things, mine: Things) -> list[Pair]:
    """Theirs, such in which one half is the caller's own, and such that name no turn."""
    whole = [(each, never_turn()) for each in theirs.turns]
    own, ref = unpack(TURN_ID, mine.turns[0], 2)
    never, never_ref = unpack(TURN_ID, never_turn(), 2)
    for each in theirs.turns[:2]:
        other, other_ref = unpack(TURN_ID, each, 2)
        whole.append((pack(TURN_ID, own, other_ref), pack(TURN_ID, own, never_ref)))
        whole.append((pack(TURN_ID, other, ref), pack(TURN_ID, never, ref)))
        whole.append((pack(TURN_ID, other, "META"), pack(TURN_ID, never, "META")))
    return whole


def approvals(_: Town, theirs: Things, mine: Things) -> list[Pair]:
    """Theirs to decide, what their turns ask somebody else, such in which a part is the caller's
    own or nothing, and such that name no call."""
    asked = [each.id for each in (*theirs.approvals, theirs.by_role)]
    whole = [(each, never_asked(APPROVAL)) for each in asked]
    own, ref, key, digest = unpack(APPROVAL, mine.approvals[0].id, 4)
    never, never_ref, *_rest = unpack(APPROVAL, never_asked(APPROVAL), 4)
    for each in (asked[0], asked[-1]):
        other, other_ref, *_rest = unpack(APPROVAL, each, 4)
        for real, none in (
            ((other, other_ref, key, "0" * 32), (never, never_ref, key, "0" * 32)),
            ((other, other_ref, "0-1", digest), (never, never_ref, "0-1", digest)),
            ((own, other_ref, key, digest), (own, never_ref, key, digest)),
            ((other, ref, key, digest), (never, ref, key, digest)),
        ):
            whole.append((pack(APPROVAL, *real), pack(APPROVAL, *none)))
    return whole


def forms(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(theirs.form.id, never_asked(INTERACTION))]


def approvals_in_sessions(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """Both are theirs."""
    asked = (*theirs.approvals, theirs.by_role)
    return [(f"{each.session} {each.id}", f"{new_id()} {never_asked(APPROVAL)}") for each in asked]


def forms_in_sessions(_: Town, theirs: Things, __: Things) -> list[Pair]:
    never = f"{new_id()} {never_asked(INTERACTION)}"
    return [(f"{theirs.form.session} {theirs.form.id}", never)]


def waiting_in_sessions(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """A request that waits in a session of theirs, and the same where there is none."""
    given = f"{theirs.request}-1"
    return [(f"{theirs.busy} {given}", f"{new_id()} {given}")]


def approval_cursors(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """The never one stands at the same time."""
    place, at, *_rest = unpack(LISTED, theirs.approval_cursor, 5)
    never = pack(LISTED, place, at, new_id(), turn_ref(new_id(), "asked-by-nobody"), "0-0")
    return [(theirs.approval_cursor, never)]


def deliveries(__: Town, theirs: Things, mine: Things) -> list[Pair]:
    """Theirs, such in which one half is the caller's own or nothing, and such that name none."""
    if _looks_after(mine, theirs):
        return []
    never, never_ref = new_id(), f"DELIVERY#{new_id()}"
    _, other, other_ref = unpack(DELIVERY, theirs.delivery, 3)
    _, own, _ = unpack(DELIVERY, mine.delivery, 3)
    real = (KIND, other, other_ref), (KIND, own, other_ref), (KIND, other, "BOX")
    none = (KIND, never, never_ref), (KIND, own, never_ref), (KIND, never, "BOX")
    return [(pack(DELIVERY, *a), pack(DELIVERY, *b)) for a, b in zip(real, none, strict=True)]


def delivery_cursors(_: Town, theirs: Things, mine: Things) -> list[Pair]:
    """The never one stands at the same time."""
    if _looks_after(mine, theirs):
        return []
    at, *_rest = unpack(DEAD, theirs.delivery_cursor, 4)
    return [(theirs.delivery_cursor, pack(DEAD, at, KIND, new_id(), f"DELIVERY#{new_id()}"))]


def _looks_after(mine: Things, theirs: Things) -> bool:
    """Whether theirs are the caller's to see: what has died belongs to the tenant as a whole."""
    same = mine.person.tenant == theirs.person.tenant
    return same and bool({"admin", "service", "all"} & {*mine.person.roles})


def requests(_: Town, theirs: Things, __: Things) -> list[Pair]:
    given = [f"{theirs.request}-{ending}" for ending in ("0", "stopped")]
    return [(each, _other(each)) for each in given]


def waiting(number: int) -> Pairs:
    """A request that waits; another one than the caller may have sent something with by now."""

    def pairs(_: Town, theirs: Things, __: Things) -> list[Pair]:
        given = f"{theirs.request}-{number}"
        return [(given, _other(given))]

    return pairs


def _other(text: str) -> str:
    """Another text of the same length."""
    return f"never-{secrets.token_hex(len(text))}"[: len(text)]


def list_cursors(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """The never one stands at the same time."""
    time = _text(theirs.list_cursor).partition("|")[0]
    return [(theirs.list_cursor, _cursor(f"{time}|{new_id()}"))]


def message_cursors(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """The numbered one names a position in every log alike; the waiting one names a message."""
    waiting = _text(theirs.waiting_cursor)
    assert waiting[0] == "w"
    never = waiting[:15] + new_id()[14:]
    return [(theirs.waiting_cursor, _cursor(never)), (theirs.message_cursor, theirs.message_cursor)]


def _text(cursor: str) -> str:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def searches(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """What stands in a first message, and what in a title."""
    found = [word for word in theirs.words if word.startswith(("question 0", "title"))]
    return [(word, _other(word)) for word in sorted(found)]


def tickets(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(each, secrets.token_urlsafe(32)) for each in theirs.tickets]


def tokens(town: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(theirs.person.token(town.clock.now()), nobodys_token(town))]


def users(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """For `X-On-Behalf-Of`, which no signed token may bring, whomever it names."""
    return [(theirs.person.user, NOBODY.user)]


def deletions(_: Town, theirs: Things, mine: Things) -> list[Pair]:
    never = pack(DELETION, new_id())
    return [] if _looks_after(mine, theirs) else [(theirs.deletion, never)]


def vouched(_: Town, theirs: Things, mine: Things) -> list[Pair]:
    """Whoever is called the same is named herself, in her own tenant."""
    same = theirs.person.user == mine.person.user
    return [] if same else [(theirs.person.user, NOBODY.user)]


def addresses(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """What a client says of its user is noted, and believed by nobody."""
    return [(str(theirs.person.email), "zoe@nobody.example")]


def turn_keys(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(theirs.turn_key, _other(theirs.turn_key))]


def ticket_keys(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(theirs.ticket_key, _other(theirs.ticket_key))]
