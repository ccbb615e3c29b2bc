"""A conversation as the client holds it: which one it is, and what has been seen of it."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from shared.cli.chat import events
from shared.cli.chat.asking import Person
from shared.cli.chat.clean import one_line
from shared.cli.chat.client import Client
from shared.cli.chat.events import Failed, Finished, Message, Missed, Notice, TurnEvent, Unattended
from shared.cli.chat.faults import ChatFault, NoAnswer, Refused
from shared.cli.chat.greeting import greeting
from shared.cli.chat.opening import begun, taken_up
from shared.cli.chat.prompts import FORMS
from shared.cli.chat.shapes import rows, string, strings
from shared.cli.chat.turn import SESSION_GONE, Turn
from shared.cli.chat.under_way import turn_under_way

PAGE = 20
VARIABLES = "dynamicVariables"
TRUNCATE = "stream_truncate"
"""What a client lists in `supports` that can take back a part of a reply."""


class Session:
    """One at a time. `begin` or `resume` first. The `person` answers what turns ask for; without
    one such a turn ends with `Unattended`. The `variables` and `overrides` are brought to each."""

    def __init__(
        self,
        client: Client,
        agent: str,
        person: Person | None = None,
        variables: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        brought = {VARIABLES: variables, "overrides": overrides}
        self._brought = {name: dict(values) for name, values in brought.items() if values}
        self._person = person
        self.agent = agent
        self.agent_name = ""
        self.conversation = ""
        self._id = ""
        self._newest = ""
        self._stale = False

    def begin(self, agent: str | None = None) -> None:
        """A fresh conversation, with another agent if one is given.

        Raises:
            ChatFault, Interrupted
        """
        self._connected()
        chosen = agent or self.agent
        self._adopt(self._create(agentId=chosen), chosen)

    def greeting(self) -> str:
        """What the agent says before the first message; "" if that is nothing, or not known."""
        brought = (self._brought.get(name, {}) for name in (VARIABLES, "overrides"))
        return greeting(self._client.address, self.agent, *brought)

    def resume(self, conversation: str) -> None:
        """Come back to a conversation.

        Raises:
            ChatFault: there is no such conversation for this caller; the present one stays.
            Interrupted
        """
        self._connected()
        data = self._again(conversation)
        if data is None or data["conversationId"] != conversation:
            raise ChatFault("There is no such conversation here. /list shows those that there are.")
        self._adopt(data, self.agent)

    def say(self, message: str, **fields: str) -> Generator[TurnEvent, None, None]:
        """One turn with this message; `fields` are those of `send_message`. A connection that
        was lost meanwhile is made anew first, and what came without it is shown.

        Raises:
            ChatFault: the message was not sent.
            Interrupted: the same.
        """
        if self._stale or not self._client.is_connected:
            yield Notice("The connection was lost. Connecting again …")
            yield from self._return()
        turn = Turn(self._client, begun(self._id, message, fields), self._person)
        with closing(turn.run()) as said:
            for event in said:
                if isinstance(event, Failed) and event.code == SESSION_GONE:
                    yield from self._anew(message, turn, fields)
                    return
                yield self._seen(event)

    def take_up(self) -> Generator[TurnEvent, None, None]:
        """The turn that the conversation is at, whoever began it, from what it has said so far;
        nothing if it is at none. For a conversation that was just come back to.

        Raises:
            ChatFault: the server does not say.
            Interrupted
        """
        answer = turn_under_way(self._client, self._id)
        if answer is None:
            return
        turn = Turn(self._client, taken_up(self._id, answer), self._person)
        with closing(turn.run()) as said:
            for event in said:
                yield self._seen(event)

    def history(self, cursor: str | None = None, limit: int = PAGE) -> tuple[list[Message], str]:
        """A page of messages, the newest first, and the cursor of the next one, or "".

        Raises:
            ChatFault, Interrupted
        """
        more = {"cursor": cursor} if cursor else {}
        data = self._ask("get_conversation_messages", sessionId=self._id, limit=limit, **more)
        page = events.messages(data)
        if page and not cursor:
            self._newest = page[0].id
        return page, string(data, "nextCursor")

    def conversations(
        self, query: str, cursor: str | None = None
    ) -> tuple[Sequence[dict[str, Any]], str]:
        """A page of the caller's conversations, the latest first, and the next one's cursor.

        Raises:
            ChatFault, Interrupted
        """
        fields = {name: value for name, value in (("query", query), ("cursor", cursor)) if value}
        data = self._ask("list_conversations", limit=PAGE, **fields)
        return rows(data, "conversations"), string(data, "nextCursor")

    def rename(self, title: str) -> str:
        """Give the conversation a title; as it stands now.

        Raises:
            ChatFault, Interrupted
        """
        conversation = self.conversation
        data = self._ask("rename_conversation", conversationId=conversation, title=title)
        return string(data, "title")

    def _ask(self, action: str, **fields: Any) -> dict[str, Any]:
        self._connected()
        try:
            return self._client.ask(action, **fields)
        except Refused as refusal:
            if refusal.code == "UNSUPPORTED_ACTION":
                raise ChatFault("This server cannot do that; it may be an older one.") from None
            raise

    def _connected(self) -> None:
        if not self._id:
            # A server that was never there is said at once.
            self._client.connect()
        elif not self._client.is_connected:
            self._client.reconnect()
            self._stale = True

    def _return(self) -> Iterator[TurnEvent]:
        """A new session of the same conversation, and what came meanwhile."""
        self._connected()
        known, conversation = self._newest, self.conversation
        data = self._again(conversation) or self._create(agentId=self.agent)
        self._adopt(data, self.agent)
        if data["conversationId"] != conversation:
            yield Notice("The conversation is gone; a fresh one begins.")
            return
        page, _ = self.history()
        self._newest = self._newest or known
        missed: list[Message] = []
        for message in page:
            if message.id == known:
                break
            missed.append(message)
        if missed:
            yield Missed(missed[::-1])

    def _anew(
        self, message: str, turn: Turn, fields: Mapping[str, str]
    ) -> Generator[TurnEvent, None, None]:
        """The session has ended. If the message cannot have been taken, it goes into a new one."""
        yield Notice("The session has ended; a new one of the same conversation begins.")
        yield from self._return()
        if not turn.sure:
            yield Failed("NOT_SURE", "The message may not have arrived; /history shows it if so.")
            return
        again = Turn(self._client, begun(self._id, message, fields), self._person)
        with closing(again.run()) as said:
            for event in said:
                yield self._seen(event)

    def _seen(self, event: TurnEvent) -> TurnEvent:
        if isinstance(event, Finished) and event.message_id:
            self._newest = event.message_id
        if isinstance(event, Unattended):
            return replace(event, conversation=self.conversation)
        return event

    def _again(self, conversation: str) -> dict[str, str] | None:
        """A new session of a conversation, with the agent that it began with. None: it is not
        there, so nobody knows with which agent to begin."""
        try:
            return self._create(conversationId=conversation)
        except Refused as refusal:
            if refusal.details.get("field") != "agentId":
                raise
            return None

    def _create(self, **fields: str) -> dict[str, str]:
        supports = [TRUNCATE, *(FORMS if self._person is not None else ())]
        own = {**self._brought, **fields}
        try:
            data = self._client.ask("create_conversation_session", supports=supports, **own)
        except Refused as refusal:
            raise _with_options(refusal) from None
        needed = ("sessionId", "conversationId", "agentName")
        if not all(isinstance(data.get(name), str) for name in needed):
            raise NoAnswer("The server's answer makes no sense here: is it a Parley server?")
        return data

    def _adopt(self, data: dict[str, str], agent: str) -> None:
        self._id = data["sessionId"]
        self.conversation = data["conversationId"]
        self.agent, self.agent_name = data.get("agentId") or agent, data["agentName"]
        self._newest = ""
        self._stale = False


def _with_options(refusal: Refused) -> Refused:
    """The same; of variables that are missing it says how they are given here."""
    missing = strings(refusal.details, "missing")
    if refusal.details.get("field") != VARIABLES or not missing:
        return refusal
    options = " ".join(f"--var {one_line(name)}=…" for name in missing)
    said = f"{refusal.message} Add {options} to the command."
    return Refused(refusal.code, said, refusal.details)
