"""How people come by what they have: by asking for it."""

import re
from collections.abc import Mapping
from typing import Any

from shared.conversations.audit import Deletion, public_id
from shared.conversations.items import TURN_ID, box_key, turn_id, turn_ref
from shared.ids import new_id, pack, unpack
from shared.mailbox.box import BoxKey
from shared.mailbox.dead_letters import CURSOR
from shared.mailbox.deliveries import KIND, delivery, delivery_id
from shared.mailbox.holder import Holder
from shared.mailbox.leases import Lease
from tests.walls.people import Person
from tests.walls.things import ASKED, HEADER, LABEL, Asked, Things
from tests.walls.town import Town
from tests.web.site import model_error

_NEXT = re.compile(r"cursor=([^&>]+)")


def settle(town: Town, person: Person) -> Things:
    """Give this person one of everything."""
    mine = Things(person, town.connect(person))
    _at_rest(town, mine)
    _busy(town, mine)
    _failed(town, mine)
    _shared(town, mine)
    _asked(town, mine)
    _over_http(town, mine)
    _dead(town, mine)
    return mine


def _begin(town: Town, mine: Things, agent: str = "assistant", **more: Any) -> Mapping[str, Any]:
    named = {"userEmail": f"{mine.person.user}@secret.example", **more}
    ids = town.opened(mine.connection, agent, **named)
    mine.sessions.append(ids["sessionId"])
    mine.conversations.append(ids["conversationId"])
    return ids


def _ask(town: Town, mine: Things, ids: Mapping[str, Any], request: str, message: str) -> str:
    word = f"{message} of {mine.person.tenant} {mine.person.user}."
    answer = town.say(mine.connection, ids["sessionId"], request, word)
    assert answer["status"] == 202, answer
    mine.words.append(word)
    made = turn_id(ids["conversationId"], turn_ref(ids["sessionId"], request))
    mine.turns.append(made)
    return made


def _at_rest(town: Town, mine: Things) -> None:
    ids = _begin(town, mine)
    town.model.text = f"answer to {mine.person.tenant} {mine.person.user}."
    mine.words.append(town.model.text)
    for number in range(2):
        _ask(town, mine, ids, f"{mine.request}-{number}", f"question {number}")
        town.work()
    title = f"title of {mine.person.tenant} {mine.person.user}."
    about = {"conversationId": ids["conversationId"], "title": title}
    assert town.frame(mine.connection, "rename_conversation", **about)["status"] == 200
    mine.words.append(title)
    path = f"/conversations/{ids['conversationId']}/messages?limit=1"
    mine.message_cursor = _next(town, mine.person, path)


def _busy(town: Town, mine: Things) -> None:
    """One turn runs and two wait."""
    ids = _begin(town, mine)
    for number in range(3):
        _ask(town, mine, ids, f"{mine.request}-{number}", f"waiting {number}")
    town.queue.queued.clear()
    hold(town, mine.person.tenant, ids["conversationId"])
    path = f"/conversations/{ids['conversationId']}/messages?limit=1"
    mine.waiting_cursor = _next(town, mine.person, path)


def hold(town: Town, tenant: str, conversation: str) -> Lease:
    """Be the worker that runs this conversation's turn."""
    deployment = town.deployment
    holder = Holder(deployment.table, town.clock, deployment.timing)
    taken = holder.take(box_key(tenant, conversation), new_id())
    assert isinstance(taken, tuple)
    return taken[0]


def _failed(town: Town, mine: Things) -> None:
    ids = _begin(town, mine)
    town.model.fault = model_error("MODEL_REFUSED")
    _ask(town, mine, ids, mine.request, "failing")
    town.work()
    town.model.fault = None
    _ask(town, mine, ids, f"{mine.request}-stopped", "stopping")
    about = {"sessionId": ids["sessionId"], "requestId": f"{mine.request}-stopped"}
    town.send(mine.connection, "cancel", **about)
    town.work()


def _shared(town: Town, mine: Things) -> None:
    ids = _begin(town, mine, "club")
    turn = _ask(town, mine, ids, mine.request, "to the club")
    town.work()
    mine.shared += [ids["sessionId"], ids["conversationId"], turn]


def _asked(town: Town, mine: Things) -> None:
    """Turns that wait for each kind of answer, and one that waited."""
    word = f"order of {mine.person.tenant} {mine.person.user}."
    mine.words.append(word)
    refund = {"type": "tool_use", "id": "toolu_1", "name": "refund", "input": {"order": word}}
    mine.approvals = [_waits(town, mine, "shop", refund) for _ in range(3)]
    path = f"/approvals/{mine.approvals[-1].id}"
    note = f"note of {mine.person.tenant} {mine.person.user}."
    mine.words.append(note)
    decision = {"approved": False, "note": note}
    assert town.request(mine.person, "POST", path, decision).status == 200
    town.work()
    mine.by_role = _waits(town, mine, "court", refund)
    question = {"question": word, "header": HEADER, "options": [{"label": LABEL}, {"label": "No"}]}
    form = {**refund, "name": "request_choices", "input": {"questions": [question]}}
    mine.form = _waits(town, mine, "assistant", form, supports=["choice_chips"])
    # Not everybody's name makes an address.
    mine.code = _waits(town, mine, "vault", refund, userEmail="somebody@secret.example")
    mine.approval_cursor = _next(town, mine.person, "/approvals?limit=1")


def _waits(town: Town, mine: Things, agent: str, call: Mapping[str, Any], **more: Any) -> Asked:
    ids = _begin(town, mine, agent, **more)
    turn = _ask(town, mine, ids, mine.request, f"to the {agent}")
    town.model.calls = [call]
    town.work()
    town.model.calls = ()
    prompt = town.request(mine.person, "GET", f"/turns/{turn}").body["prompt"]
    if prompt["kind"] == "code":
        found = re.search(r"[0-9]{6}", town.mail.sent()[-1].text)
        assert found is not None
        return Asked(ids["sessionId"], ids["conversationId"], code=found[0])
    known = prompt.get("approval_id") or prompt["interaction_id"]
    return Asked(ids["sessionId"], ids["conversationId"], known)


def _over_http(town: Town, mine: Things) -> None:
    answer = town.request(
        mine.person, "POST", "/executor/turns", ASKED, Idempotency_Key=mine.turn_key
    )
    assert answer.status == 202, answer
    mine.turns.append(answer.body["turn_id"])
    mine.sessions.append(answer.body["session_id"])
    mine.conversations.append(unpack(TURN_ID, mine.turns[-1], 2)[0])
    town.work()
    mine.list_cursor = _next(town, mine.person, "/conversations?limit=1")
    for headers in ({"Idempotency_Key": mine.ticket_key}, {}):
        ticket = town.request(mine.person, "POST", "/tickets", **headers)
        mine.tickets.append(ticket.body["ticket"])
    # One that has been used.
    town.connect(ticket=mine.tickets[-1])


def _dead(town: Town, mine: Things) -> None:
    """A callback for which there was no room."""
    box, table = BoxKey(KIND, mine.person.tenant, mine.conversations[0]), town.deployment.table
    url = "https://hooks.example/done"
    table.write(delivery(town.deployment.requests, box, url, "{}", town.clock).overflow)
    [item] = table.query(box.partition, prefix="DELIVERY#").items
    mine.delivery = delivery_id(box, item.key.sk)
    deletion = Deletion(
        id=new_id(), kind="user", target="x", by=mine.person.user, reason="request", asked_at=1
    )
    table.write([deletion.begun(mine.person.tenant)])
    mine.deletion = public_id(deletion.id)
    at = str(item.attrs["listed_at"])
    mine.delivery_cursor = pack(CURSOR, at, box.kind, box.id, item.key.sk)


def _next(town: Town, person: Person, path: str) -> str:
    answer = town.request(person, "GET", path)
    found = _NEXT.search(answer.headers["link"])
    assert found is not None
    return found[1]
