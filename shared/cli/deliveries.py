"""`parley deliveries`: the dead letters of a server, and having them delivered after all."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from shared.cli.api import Api, Reply
from shared.cli.chat.clean import one_line, visible
from shared.cli.chat.faults import ChatFault, Refused

ROUTE = "/deliveries"
PAGE = 200
MAX_ALL = 10_000
"""Dead letters that are replayed, or shown, at once."""

COLUMNS: Mapping[str, str] = {
    "dead_since": "dead since",
    "kind": "kind",
    "conversation_id": "conversation",
    "attempts": "attempts",
    "error": "error",
    "delivery_id": "id",
}
GONE = frozenset({"DELIVERY_NOT_DEAD", "DELIVERY_NOT_FOUND"})
"""What is said of one that somebody else has replayed or removed meanwhile."""

Entry = Mapping[str, Any]


def show(api: Api, *, limit: int, as_json: bool) -> int:
    """Print up to `limit` dead letters, the latest first; the exit code.

    Raises:
        ChatFault: they are not to be had.
    """
    found = list(islice(listed(api, limit + 1), limit + 1))
    entries, more = found[:limit], len(found) > limit
    if as_json:
        _print_json(entries)
    elif sys.stdout.isatty():
        _print_table(entries)
    else:
        for entry in entries:
            print("\t".join(_cells(entry)))
    if more:
        print(f"There are more than {limit}; --limit shows more.", file=sys.stderr)
    return 0


@dataclass(frozen=True)
class Outcome:
    """What became of one replay; `fault` is None when it waits to be delivered."""

    delivery: str
    fault: Refused | None = None

    @property
    def entry(self) -> Entry:
        if self.fault is None:
            return {"delivery_id": self.delivery, "status": "queued"}
        error = {"code": self.fault.code, "message": self.fault.message}
        return {"delivery_id": self.delivery, "error": error}

    @property
    def line(self) -> str:
        if self.fault is None:
            return f"queued\t{one_line(self.delivery)}"
        return f"refused\t{one_line(self.delivery)}\t{self.fault.code}: {self.fault.message}"


def replay(api: Api, deliveries: Sequence[str], *, everything: bool, as_json: bool) -> int:
    """Replay these dead letters, or all that there are now; the exit code: 1 if one was refused.

    Raises:
        ChatFault: the options contradict each other, or the server is not to be had.
    """
    if bool(deliveries) == everything:
        raise ChatFault("Name the deliveries to replay, or say --all.")
    # Those that die again while this runs are not among them. What died first goes first, so that
    # records arrive in their order.
    found = [] if deliveries else [str(each["delivery_id"]) for each in listed(api, MAX_ALL)]
    wanted = deliveries or found[::-1]
    outcomes = []
    for delivery in wanted:
        outcome = Outcome(delivery, _refusal(api, delivery))
        outcomes.append(outcome)
        if not as_json:
            print(outcome.line, flush=True)
    if as_json:
        _print_json([outcome.entry for outcome in outcomes])
    refused = [each.fault for each in outcomes if each.fault is not None]
    expected = GONE if everything else frozenset()
    return int(any(fault.code not in expected for fault in refused))


def listed(api: Api, most: int) -> Iterator[Entry]:
    """Up to so many dead letters, page by page.

    Raises:
        ChatFault: they are not to be had.
    """
    limit = min(most, PAGE)
    path: str | None = f"{ROUTE}?{urlencode({'state': 'dead', 'limit': limit})}"
    asked: set[str] = set()
    seen: set[str] = set()
    while path is not None and path not in asked and len(seen) < most:
        asked.add(path)
        reply = api.ask("GET", path)
        for entry in _entries(api, reply):
            # Pages go by time: what dies meanwhile may move an entry to the next one.
            if entry["delivery_id"] not in seen and len(seen) < most:
                seen.add(entry["delivery_id"])
                yield entry
        path = _next(reply)


def _refusal(api: Api, delivery: str) -> Refused | None:
    try:
        api.ask("POST", f"{ROUTE}/{quote(delivery, safe='')}/replay")
    except Refused as refused:
        return refused
    return None


def _entries(api: Api, reply: Reply) -> list[Entry]:
    found = reply.json()
    if not isinstance(found, list) or not all(map(_is_entry, found)):
        raise api.stranger(reply.status)
    return found


def _is_entry(each: Any) -> bool:
    return isinstance(each, dict) and isinstance(each.get("delivery_id"), str)


def _next(reply: Reply) -> str | None:
    """Where the next page is, below the same base: the token is for nobody else."""
    link, _, rest = reply.headers.get("link", "").partition(">")
    path = link.removeprefix("<")
    return path if path.startswith(f"{ROUTE}?") and 'rel="next"' in rest else None


def _cells(entry: Entry) -> list[str]:
    return [visible(str(entry.get(name, ""))) for name in COLUMNS]


def _print_json(entries: Sequence[Entry]) -> None:
    print(json.dumps(entries, indent=2))


def _print_table(entries: Sequence[Entry]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not entries:
        print("There are no dead letters.")
        return
    table = Table(box=None, pad_edge=False)
    for title in COLUMNS.values():
        table.add_column(title, overflow="fold")
    for entry in entries:
        table.add_row(*map(Text, _cells(entry)))
    Console().print(table)
