"""What a line that begins with a slash does."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.cli.chat.clean import one_line
from shared.cli.chat.faults import ChatFault
from shared.cli.chat.session import Session
from shared.cli.chat.shapes import string
from shared.cli.chat.view import View

GLANCE = 4
"""Messages that are shown of a conversation on coming back to it."""

MAX_WORD = 128
"""Characters of what `/model` and `/skill` take."""

MAX_TITLE = 200
MAX_QUERY = 200


@dataclass(frozen=True)
class Command:
    usage: str
    help: str
    run: Callable[[str], None]


class Commands:
    """`fields` are those of the next message only; `take_fields` hands them over."""

    def __init__(self, session: Session, view: View) -> None:
        self._session = session
        self._view = view
        self._fields: dict[str, str] = {}
        self._listed: list[str] = []
        self._more: Callable[[], None] | None = None
        self.leaving = False
        self._known = {
            "help": Command("/help", "this list", self._help),
            "history": Command("/history", "the newest messages", self._history),
            "list": Command("/list [text]", "your conversations, latest first", self._list),
            "more": Command("/more", "what comes after /history or /list", self._show_more),
            "resume": Command("/resume <number|id>", "come back to a conversation", self._resume),
            "rename": Command("/rename <title>", "give this conversation a title", self._rename),
            "new": Command("/new [agent]", "begin another conversation", self._new),
            "model": Command("/model <id>", "the model of the next message", self._model),
            "skill": Command("/skill <name>", "the skill of the next message", self._skill),
            "quit": Command("/quit", "leave", self._quit),
        }

    @property
    def names(self) -> list[str]:
        """All commands, with their slash."""
        return [f"/{name}" for name in self._known]

    def run(self, line: str) -> None:
        """Do what the line says.

        Raises:
            ChatFault, Interrupted
        """
        name, _, argument = line[1:].strip().partition(" ")
        command = self._known.get(name)
        if command is None:
            raise ChatFault(f"There is no /{one_line(name)}. /help lists the commands.")
        command.run(argument.strip())

    def take_fields(self) -> dict[str, str]:
        """What the commands said of the next message, once."""
        fields, self._fields = self._fields, {}
        return fields

    def greet(self) -> None:
        """Which conversation this is."""
        session = self._session
        self._view.text(f"{one_line(session.agent_name)}")
        self._view.note(f"conversation {one_line(session.conversation)}")

    def welcome(self) -> None:
        """What the agent says at the beginning of a conversation, if it says anything."""
        if text := self._session.greeting():
            self._view.said(text)

    def come_back(self) -> None:
        """The newest messages of a conversation that was come back to, and the turn that it is at,
        if there is one, to its end.

        Raises:
            ChatFault, Interrupted
        """
        page, _ = self._session.history(limit=GLANCE)
        self._view.messages(page[::-1])
        self._view.follow(self._session.take_up())

    def _help(self, _: str) -> None:
        for command in self._known.values():
            self._view.text(f"{command.usage:<22} {command.help}")
        self._view.note(
            "Alt-Enter or a backslash at the end of a line goes on in the next one. Ctrl-C stops "
            "a reply. A message that begins with a slash is typed with two."
        )

    def _history(self, _: str, cursor: str | None = None) -> None:
        page, after = self._session.history(cursor)
        self._view.messages(page[::-1])
        if not page:
            self._view.note("There are no messages yet.")
        self._continue((lambda: self._history("", after)) if after else None, "older messages")

    def _list(self, query: str, cursor: str | None = None) -> None:
        _check("text", query, MAX_QUERY)
        rows, after = self._session.conversations(query, cursor)
        if cursor is None:
            self._listed = []
        self._view.conversations(rows, len(self._listed) + 1)
        self._listed += [string(row, "conversationId") for row in rows]
        if not self._listed:
            self._view.note("There are no such conversations." if query else "None yet.")
        self._continue((lambda: self._list(query, after)) if after else None, "more of them")

    def _continue(self, more: Callable[[], None] | None, what: str) -> None:
        self._more = more
        if more is not None:
            self._view.note(f"/more shows {what}.")

    def _show_more(self, _: str) -> None:
        if self._more is None:
            raise ChatFault("There is nothing more. /history and /list begin a list.")
        self._more()

    def _resume(self, which: str) -> None:
        if not which:
            raise ChatFault("Say which: /resume <number of /list, or id>.")
        if which.isdecimal() and len(which) < len(str(len(self._listed))) + 1:
            number = int(which)
            if not 1 <= number <= len(self._listed):
                raise ChatFault(f"/list has shown no number {number}.")
            which = self._listed[number - 1]
        self._session.resume(which)
        self._fresh()
        self.come_back()

    def _rename(self, title: str) -> None:
        if not title:
            raise ChatFault("Say how: /rename <title>.")
        _check("title", title, MAX_TITLE)
        self._view.note(f"This conversation is now “{one_line(self._session.rename(title))}”.")

    def _new(self, agent: str) -> None:
        _check("agent", agent, MAX_WORD)
        self._session.begin(agent or None)
        self._fresh()
        self.welcome()

    def _fresh(self) -> None:
        self._more = None
        self._view.suggestions = ()
        self.greet()

    def _model(self, model: str) -> None:
        self._field("model", model)

    def _skill(self, skill: str) -> None:
        self._field("skill", skill)

    def _field(self, name: str, value: str) -> None:
        if not value:
            raise ChatFault(f"Say which: /{name} <{'id' if name == 'model' else 'name'}>.")
        _check(name, value, MAX_WORD)
        self._fields[name] = value
        self._view.note(f"The next message has the {name} {value}.")

    def _quit(self, _: str) -> None:
        self.leaving = True


def _check(what: str, value: str, limit: int) -> None:
    """Raises ChatFault when the text is too long, or is none."""
    if len(value) > limit or not value.isprintable():
        raise ChatFault(f"The {what} may have {limit} characters, and no line breaks.")
