"""One request, and all that can be seen of it from outside and from beneath."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from shared.conversations.items import TURN_ID
from shared.errors import NotFound
from shared.ids import unpack
from shared.mailbox.dead_letters import CURSOR as DEAD
from shared.mailbox.deliveries import ID as DELIVERY
from tests.walls.noted import Rows, listening
from tests.walls.people import Person
from tests.walls.things import Things
from tests.walls.town import Town
from tests.web.site import Answer

_PACKED = re.compile(r"(turn|approvals?|interaction|dlv|dead)_[A-Za-z0-9_-]{20,}")
_PARTS: Mapping[str, Sequence[int]] = {
    TURN_ID: (2,),
    "approval": (4,),
    "interaction": (4,),
    "approvals": (5, 2),
    DELIVERY: (3,),
    DEAD: (4,),
}
"""How many an id of this kind has."""

_MINTED = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|(?P<digest>(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f]))"
    r"|(?P<ticket>(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-]))"
)


@dataclass
class Seen:
    """`answer` is what the caller got, `others` what other connections did. The rest is for
    whoever measures the time or reads the log: what the store was asked for at its port
    (`notes`) and in the engine (`calls`), the wakes, the kinds of items that changed, the log."""

    answer: list[Any]
    others: list[Any]
    notes: list[str]
    calls: list[str]
    wakes: list[str]
    changed: list[str]
    logged: list[str]

    def shown(self, sent: str) -> Mapping[str, Any]:
        """All of it, with a name in the place of the id that was sent and of each id that was
        minted, in the order in which they appear."""
        text = json.dumps(asdict(self), ensure_ascii=False)
        sent = json.dumps(sent, ensure_ascii=False)[1:-1]
        text = plain(text.replace(sent, "<sent>")).replace(sent, "<sent>")
        names: dict[str, str] = {}

        def named(found: re.Match[str]) -> str:
            kind = found.lastgroup
            return names.setdefault(found[0], f"<{kind} {len(names)}>")

        shown: Mapping[str, Any] = json.loads(_MINTED.sub(named, text))
        return shown

    def quotes(self, words: set[str], sent: str) -> set[str]:
        """Which of the words stand anywhere in it, though they were not sent."""
        text, named = plain(json.dumps(asdict(self), ensure_ascii=False)), plain(sent)
        return {word for word in words if plain(word) in text and plain(word) not in named}


def plain(text: str) -> str:
    """The text with what stands in packed ids in their place."""
    return _PACKED.sub(_unpacked, text)


def _unpacked(found: re.Match[str]) -> str:
    for count in _PARTS[found[1]]:
        with suppress(NotFound):
            return f"{found[1]}({' '.join(unpack(found[1], found[0], count))})"
    return found[0]


class Visit:
    """A person who asks once. `mine` is what they have. `answers` fills as they ask."""

    def __init__(self, town: Town, mine: Things, connection: str | None = None) -> None:
        self.town = town
        self.mine = mine
        self.person: Person = mine.person
        # With the service token alone there is no way to a connection.
        if connection is None:
            connection = "none" if mine.person.behalf else town.connect(mine.person)
        self.connection = connection
        self.answers: list[Answer] = []

    def frame(self, action: str, **fields: Any) -> None:
        self.town.send(self.connection, action, **fields)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        answer = self.town.request(self.person, method, path, body, **headers)
        self.answers.append(answer)


def watch(
    visit: Visit, ask: Callable[[Visit], object], *, rows: bool = True
) -> tuple[Seen, set[tuple[str, str]]]:
    """What is seen of it, and the keys of the items that it changed, if `rows` are compared."""
    town = visit.town
    before = town.rows() if rows else {}
    for record in (town.notes, town.push.sent, town.queue.sent, town.queue.queued):
        record.clear()
    town.wire.calls.clear()
    logged: list[str] = []
    with listening(logged):
        ask(visit)
    calls = [call.name for call in town.wire.calls]
    changed = _changed(before, town.rows() if rows else {})
    posted = [(name == visit.connection, data.decode()) for name, data in town.push.sent]
    answers = [[each.status, dict(each.headers), each.text] for each in visit.answers]
    seen = Seen(
        answer=[data for own, data in posted if own] + answers,
        others=[data for own, data in posted if not own],
        notes=town.notes.copy(),
        calls=calls,
        wakes=[repr(wake) for wake in town.queue.sent],
        changed=sorted(f"{how} {pk.partition('#')[0]}" for (pk, _), how in changed.items()),
        logged=logged,
    )
    return seen, set(changed)


def _changed(before: Rows, after: Rows) -> dict[tuple[str, str], str]:
    return {
        key: "added" if key not in before else "removed" if key not in after else "changed"
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
