"""`parley export`: conversations as files, one for each."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from shared.cli.api import Api, Reply
from shared.cli.chat.clean import one_line
from shared.cli.chat.faults import ChatFault

LIST = "/conversations"
PAGE = 200
MAX_CONVERSATIONS = 100_000
MAX_PAGES = 100_000
"""Pages of a list or of a conversation: a server that never ends is none of ours."""

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def export(api: Api, conversation: str | None, output: str, *, as_json: bool) -> int:
    """Write this conversation, or all that the caller has, below the folder; the exit code.

    Raises:
        ChatFault: they are not to be had or somebody else's, or the folder cannot be written.
    """
    found = [conversation] if conversation is not None else list(listed(api))
    folder = Path(output)
    written = []
    try:
        for each in found:
            if not _ID.fullmatch(each):
                raise ChatFault("--conversation must be the id of a conversation.")
            path = folder / f"{each}.jsonl"
            _write(api, each, path)
            written.append(str(path))
            if not as_json:
                print(path, flush=True)
    except OSError as fault:
        raise ChatFault(f"Cannot write below {output}: {fault.strerror or fault}.") from fault
    if as_json:
        print(json.dumps(written, indent=2))
    return 0


def listed(api: Api) -> Iterator[str]:
    """The ids of all conversations that the caller has. Raises ChatFault."""
    seen: set[str] = set()
    for reply in _pages(api, f"{LIST}?limit={PAGE}", LIST):
        entries = reply.json()
        if not isinstance(entries, list):
            raise api.stranger(reply.status)
        for entry in entries:
            name = entry.get("conversation_id") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not _ID.fullmatch(name):
                raise api.stranger(reply.status)
            # One that is used meanwhile may stand on two pages.
            if name not in seen and len(seen) < MAX_CONVERSATIONS:
                seen.add(name)
                yield name


def _write(api: Api, conversation: str, path: Path) -> None:
    """Beside it first: a file with its name is whole."""
    where = f"{LIST}/{quote(conversation, safe='')}/export"
    pages = _pages(api, where, where)
    first = next(pages)
    _check_owner(api, first)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        for reply in chain([first], pages):
            file.write(reply.body)
    unfinished.replace(path)


def _check_owner(api: Api, first: Reply) -> None:
    """Whether the conversation is of the user for whom it was asked: a server that lets everybody
    in as one user answers with what that one has."""
    if not api.behalf:
        return
    try:
        owner = json.loads(first.body.partition(b"\n")[0])["user"]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise api.stranger(first.status) from None
    if owner != api.behalf:
        raise ChatFault(
            f"The server at {api.base} gives out what {one_line(str(owner))} has, not what "
            f"{one_line(api.behalf)} has; that was not written. It lets everybody in as one user "
            "(AUTH_MODE=none): leave out --user, or ask a server that has users."
        )


def _pages(api: Api, path: str, route: str) -> Iterator[Reply]:
    """One page after the other, below the same base: the token is for nobody else."""
    following = path
    for _ in range(MAX_PAGES):
        reply = api.ask("GET", following)
        yield reply
        link, _, rest = reply.headers.get("link", "").partition(">")
        following = link.removeprefix("<")
        if not following.startswith(f"{route}?") or 'rel="next"' not in rest:
            return
    raise ChatFault("The server has more pages than can be.")
