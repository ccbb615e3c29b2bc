"""The questions about one thing, put to the person one after the other."""

from collections.abc import Callable, Sequence

from shared.cli.chat.asking import Person, Shown
from shared.cli.chat.dialogues import Answer, Dialogue
from shared.cli.chat.events import Asked, TurnEvent

Then = Callable[[Answer | None], Sequence[TurnEvent]]
"""Gets the answer, or None if the person gives none; what it returns is shown."""


class Interview:
    """Without a `person` nobody can be asked."""

    def __init__(self, person: Person | None) -> None:
        self._person = person
        self._dialogue: Dialogue | None = None
        self._label = ""

    @property
    def is_possible(self) -> bool:
        return self._person is not None

    def begin(self, dialogue: Dialogue, lines: Sequence[str]) -> Sequence[TurnEvent]:
        """The first question of this dialogue is the next one to be asked; the lines come before
        it. What was typed before is no answer to it."""
        if self._person is not None:
            self._person.clear()
        self._dialogue = dialogue
        question = next(dialogue)
        self._label = question.label
        return [Asked([*lines, *question.lines])]

    def ask(self, expires_at: int | None) -> None:
        """Put the question, if there is one, on the screen, or leave it there."""
        if self._person is not None and self._dialogue is not None:
            self._person.ask(Shown(self._label, expires_at))

    def withdraw(self) -> None:
        """Take it off the screen; `ask` brings it back."""
        if self._person is not None:
            self._person.withdraw()

    def answered(self, then: Then) -> Sequence[TurnEvent]:
        """Look whether something was typed: the next question follows, or `then`."""
        typed = self._person.take() if self._person is not None else None
        if typed is None or self._dialogue is None:
            return []
        answer = None
        try:
            if typed.text is not None:
                question = self._dialogue.send(typed.text)
                self._label = question.label
                return [Asked(question.lines)] if question.lines else []
        except StopIteration as done:
            answer = done.value
        self._dialogue = None
        return then(answer)

    def end(self) -> None:
        """There is nothing to ask any more."""
        self._dialogue = None
        if self._person is not None:
            self._person.withdraw()
            self._person.take()
