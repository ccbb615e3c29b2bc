"""A client that does as the protocol tells it: repeats what was not acknowledged, comes back to
its turns on a new connection, ignores their events there until the answer comes, asks again if it
does not."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.faults.seeded.diary import Delivery, Event, Said
from tests.faults.seeded.following import Following
from tests.faults.seeded.gateway import Socket
from tests.faults.seeded.prompts import REFUSALS, Prompt, prompt_in
from tests.faults.seeded.world import World

NOT_NOW = frozenset({"SERVICE_UNAVAILABLE", "SESSION_BACKLOG_FULL", "RATE_LIMITED"})
"""Why a frame was refused that may be sent again."""


class Client:
    """One user's program, on one connection at a time."""

    def __init__(self, world: World, user: str, *, truncates: bool, renders: bool = True) -> None:
        self.user = user
        self.truncates = truncates
        self.renders = renders
        self.prompts: dict[str, Prompt] = {}
        """By turn, what it asked last."""
        self.on_prompt: Callable[[Prompt], None] = lambda _: None
        self.answered: dict[str, Event] = {}
        """What each answer to a prompt was answered with, by the id of its request."""
        self.connection: str | None = None
        self.following: dict[str, Following] = {}
        self.sessions: list[tuple[str, str]] = []
        """Session and conversation."""
        self.unexpected: list[Event] = []
        """What has the id of no turn of this client's sessions."""
        self.foreign: set[str] = set()
        self._world = world
        self._rng: random.Random = world.rng
        self._opened: list[Event] = []
        self._gone = False

    # -- its connection -------------------------------------------------------------------

    def connect(self) -> None:
        """Open a connection; try again until there is one."""
        if self.connection is not None:
            return
        connection = self._world.connection()
        self._gone = False

        def opened(answer: Any) -> None:
            if answer["statusCode"] == 200 and self.connection is None:
                self._world.gateway.sockets[connection] = Socket(self)
                self.connection = connection
                self._come_back()

        self._world.connect(self.user, connection, opened)
        self._world.after(self._rng.uniform(1.5, 4.0), self._retry_connect)

    def _retry_connect(self) -> None:
        if self.connection is None and not self._gone:
            self.connect()

    def _come_back(self) -> None:
        for turn in list(self.following.values()):
            if turn.terminal is None and turn.acknowledged:
                self.resume(turn)

    def leave(self, *, noticed_after: float, back_after: float) -> None:
        """Go without a word, and come back."""
        if self.connection is None:
            return
        connection, self.connection, self._gone = self.connection, None, True
        self._world.gateway.leave(connection, noticed_after)
        self._world.after(back_after, self.connect)

    def lost(self, connection: str) -> None:
        if self.connection == connection:
            self.connection = None
            self._world.after(self._rng.uniform(0.1, 3.0), self.connect)

    def hear(self, delivery: Delivery) -> None:
        event = delivery.event
        if delivery.connection != self.connection:
            return
        request_id = event.get("requestId")
        if request_id is not None and request_id.startswith("open"):
            self._opened.append(event)
            return
        if event["type"] == "error" and event["error"]["code"] in NOT_NOW:
            return
        if request_id in self._world.diary.said:
            self.answered[str(request_id)] = event
            return
        if event["type"] == "error" and event["error"]["code"] in REFUSALS:
            # Of an answer that came under the id of the turn itself.
            return
        turn = self.following.get(request_id or "")
        if turn is None:
            if request_id not in self.foreign:
                self.unexpected.append(event)
            return
        if event["type"] == "error" and not turn.acknowledged:
            return
        if event["type"] == "immediate_response" and event["status"] == 202:
            turn.acknowledged = True
            self._world.diary.acknowledged.add(turn.request_id)
            if event["data"].get("duplicate") and not turn.waiting:
                # Something of it may have been said already, and missed.
                self.resume(turn)
            return
        turn.hear(delivery)
        prompt = prompt_in(event, turn.session)
        if prompt is not None and not turn.waiting and turn.terminal is None:
            self.prompts[turn.request_id] = prompt
            self.on_prompt(prompt)

    # -- what it asks for -----------------------------------------------------------------

    def frame(self, action: str, **fields: Any) -> None:
        if self.connection is not None:
            body = json.dumps({"action": action, **fields})
            self._world.frame(self.connection, body)

    def open(self, conversation: str | None = None) -> None:
        """A session, of this conversation if one is named. For the running greenlet."""
        self._opened.clear()
        while not self._opened or self._opened[-1]["type"] != "immediate_response":
            fields: dict[str, Any] = {"requestId": "open", "agentId": "assistant"}
            if conversation is not None:
                fields["conversationId"] = conversation
            able = {"stream_truncate": self.truncates, "choice_chips": self.renders}
            fields["supports"] = [name for name, can in able.items() if can]
            self.frame("create_conversation_session", **fields)
            self._world.hub.sleep(2.0)
        data = self._opened[-1]["data"]
        self.sessions.append((data["sessionId"], data["conversationId"]))

    def send(self, session: str, request_id: str, message: str) -> None:
        """Send until it is acknowledged."""
        turn = Following(request_id, session, message)
        self.following[request_id] = turn
        self._world.start(lambda: self._send(turn))

    def _send(self, turn: Following) -> None:
        while not turn.acknowledged and turn.terminal is None:
            self.frame(
                "send_message",
                requestId=turn.request_id,
                sessionId=turn.session,
                message=turn.message,
            )
            self._world.hub.sleep(self._rng.uniform(2.0, 8.0))
            turn.partial = not turn.acknowledged

    def follow(self, turn: Following) -> None:
        """Come to somebody else's turn of one of the user's sessions."""
        if turn.request_id in self.following:
            return
        mine = self.following[turn.request_id] = Following(turn.request_id, turn.session, None)
        self.resume(mine)

    def resume(self, turn: Following) -> None:
        """Ask for what was missed until the answer comes. On the next connection it begins anew."""
        turn.waiting = True
        connection = self.connection

        def asking() -> None:
            while (turn.waiting or turn.ended) and self._still(turn, connection):
                turn.asks += 1
                self.frame(
                    "resume_turn",
                    requestId=turn.request_id,
                    sessionId=turn.session,
                    received=len(turn.text),
                )
                self._world.hub.sleep(self._rng.uniform(4.0, 8.0))

        self._world.start(asking)

    def _still(self, turn: Following, connection: str | None) -> bool:
        return turn.terminal is None and self.connection == connection

    def confirm(
        self, prompt: Prompt, *, approved: bool, bare: bool = False, as_turn: bool = False
    ) -> str:
        """Decide; the id of the request. `bare`: without naming what; `as_turn`: that besides, and
        under the id of the turn itself."""
        fields: dict[str, Any] = {"approved": approved}
        if not (bare or as_turn):
            fields["approvalId"] = prompt.id
        return self._answer("confirm_tool_action", prompt, fields, as_turn=as_turn)

    def submit(self, prompt: Prompt, values: Mapping[str, Any] | None) -> str:
        """Fill in, or (None) decline; the id of the request."""
        fields = {"declined": True} if values is None else {"values": values}
        named = {"interactionId": prompt.id, **fields}
        return self._answer("submit_interaction", prompt, named)

    def _answer(
        self, action: str, prompt: Prompt, fields: dict[str, Any], *, as_turn: bool = False
    ) -> str:
        if as_turn:
            self.frame(action, requestId=prompt.turn, sessionId=prompt.session, **fields)
            return prompt.turn
        known, diary = self._world.answer_id(), self._world.diary
        named = fields.get("approvalId", fields.get("interactionId"))
        turn = self.following.get(prompt.turn)
        elsewhere = turn is None or turn.session != prompt.session
        diary.said[known] = Said(self._world.hub.time, self.user, named, fields, elsewhere)
        self.frame(action, requestId=known, sessionId=prompt.session, **fields)
        return known

    def cancel(self, turn: Following) -> None:
        self._world.diary.asked_to_stop.add(turn.request_id)
        self.frame("cancel", requestId=turn.request_id, sessionId=turn.session)
