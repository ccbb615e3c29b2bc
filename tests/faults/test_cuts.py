"""A connection that is cut at random points of a stream, and a client that comes back each time."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.forms import LONG
from tests.faults.local_child import LocalOrders
from tests.faults.local_runs import TRUNCATE, opened_audit, orders_in, serving
from tests.faults.returning import Client, Returning, reply_of
from tests.faults.script import Talker, said_by
from tests.support.messages_api import ScriptedMessagesApi

CLIENTS = 5 if LONG else 2
CUTS = 20 if LONG else 4
"""Of each client."""

TOKENS = 2000 if LONG else 400
SEED = 20

Ended = tuple[str, Returning]
"""A conversation, and the turn that it held."""


def test_the_text_is_the_same_wherever_the_connection_is_cut(tmp_path: Path) -> None:
    def client(number: int, orders: LocalOrders) -> list[Ended]:
        dice, left, ended = random.Random(SEED + number), CUTS, list[Ended]()
        while left > 0:
            conversation, turn, cuts = _cut_turn(orders, dice, left)
            ended.append((conversation, turn))
            left -= cuts
        return ended

    _audited(tmp_path, client, range(CLIENTS))


def test_two_tabs_come_back_at_once(tmp_path: Path) -> None:
    def client(number: int, orders: LocalOrders) -> list[Ended]:
        dice = random.Random(SEED + number)
        with Client(orders.socket_url) as first:
            opened = first.open_session("faults", supports=[TRUNCATE])
            turn = Returning(opened["sessionId"], "Go")
            turn.send(first, pieces=dice.randint(1, 20))
            first.vanish()
        tabs = [turn.copy(), turn.copy()]

        def come_back(tab: Returning) -> None:
            while not tab.ended:
                with Client(orders.socket_url) as client:
                    tab.resume(client, pieces=dice.randint(20, 40))
                    client.vanish()

        with ThreadPoolExecutor(len(tabs)) as pool:
            list(pool.map(come_back, tabs))
        return [(opened["conversationId"], tab) for tab in tabs]

    _audited(tmp_path, client, range(4 if LONG else 1))


def _cut_turn(orders: LocalOrders, dice: random.Random, cuts: int) -> tuple[str, Returning, int]:
    """A turn with up to so many cuts; how many there were before it ended."""
    with Client(orders.socket_url) as client:
        opened = client.open_session("faults", supports=[TRUNCATE])
        turn = Returning(opened["sessionId"], "Go")
        turn.send(client, pieces=dice.randint(0, 20))
        client.vanish()
    made = 1
    while not turn.ended:
        with Client(orders.socket_url) as client:
            if made < cuts and dice.random() < 0.1:
                turn.ask(client)
            else:
                turn.resume(client, pieces=dice.randint(0, 12) if made < cuts else None)
            if not turn.ended:
                made += 1
                if dice.random() < 0.8:
                    client.vanish()
    return opened["conversationId"], turn, made


def _audited(
    folder: Path, client: Callable[[int, LocalOrders], list[Ended]], numbers: Sequence[int]
) -> None:
    """Run the clients side by side in one deployment; then the audit of each turn."""
    model = Talker((TOKENS,), {}, delay=0.01)
    with ScriptedMessagesApi(reply=model) as api:
        orders = orders_in(folder / "run", api)
        with serving(orders), ThreadPoolExecutor(len(numbers)) as pool:
            running = [pool.submit(client, number, orders) for number in numbers]
            ended = [turn for each in running for turn in each.result()]
            for conversation, turn in ended:
                with Client(orders.socket_url) as again:
                    turn.resume(again)
                with opened_audit(orders, conversation) as audit:
                    audit.settle()
                    audit.check([turn], api.requests)
    for _, turn in ended:
        text = reply_of(turn)
        assert len(said_by(text)) == 1
        assert text.count(" ") == TOKENS
        assert set(turn.ends) == {text}, "the client's text is not the terminal's"
        assert turn.cuts == 0, "nothing was said anew, so nothing was to be cut"
        assert turn.ended_unanswered == 0
