"""`parley chat` from its options to its exit code."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from shared.cli.chat.address import Address
from shared.cli.chat.asking import Keyboard
from shared.cli.chat.client import Client
from shared.cli.chat.commands import Commands
from shared.cli.chat.connection import Patience
from shared.cli.chat.events import Ending, Failed, Finished, Left, Stopped, Unattended
from shared.cli.chat.faults import ChatFault, Interrupted
from shared.cli.chat.prompt import Prompt
from shared.cli.chat.replies import LiveReply, PlainReply
from shared.cli.chat.session import Session
from shared.cli.chat.terminal import signals, silent
from shared.cli.chat.view import View
from shared.errors import ValidationError
from shared.protocol.fields import MAX_MESSAGE_CHARACTERS
from shared.protocol.variables import checked_variables
from shared.runner.overrides import read_overrides

OK = 0
FAILED = 1
UNATTENDED = 3
INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says. `once` is the only message; without it and without a terminal
    standard input is. `state` is the folder for what is kept between runs, and `variables` and
    `overrides` are for every conversation that is begun or come back to."""

    address: Address
    agent: str
    conversation: str | None
    once: str | None
    state: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])
    patience: Patience = field(default_factory=Patience)


def chat(
    *,
    url: str,
    api: str | None,
    agent: str,
    token: str | None,
    token_command: str | None,
    conversation: str | None,
    once: str | None,
    variables: Sequence[str],
    overrides: Sequence[str],
    state_home: str,
) -> int:
    """`parley chat` with these options; the exit code.

    Raises:
        ChatFault: no conversation can be had, or the one message cannot be sent.
    """
    options = Options(
        address=Address.of(url, api or None, token or None, token_command or None),
        agent=agent,
        conversation=conversation or None,
        once=once,
        state=Path(state_home).expanduser() / "parley",
        variables=named_values(variables),
        overrides=named_overrides(overrides),
    )
    return run(options)


def named_values(given: Sequence[str]) -> dict[str, str]:
    """What `--var` says, each as `name=value`.

    Raises:
        ChatFault: one of them is none.
    """
    try:
        return checked_variables(_pairs("--var", given))
    except ValueError as fault:
        raise ChatFault(f"--var {fault}.") from None


def named_overrides(given: Sequence[str]) -> dict[str, str]:
    """The same for `--override`."""
    try:
        return read_overrides(_pairs("--override", given))
    except ValidationError as fault:
        raise ChatFault(f"--override: {fault.message}") from None


def _pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    if not all(equals for _, equals, _ in pairs):
        raise ChatFault(f"{option} needs a name and a value: {option} name=value.")
    return {name: value for name, _, value in pairs}


def run(options: Options) -> int:
    """Hold the conversation; the exit code.

    Raises:
        ChatFault: no conversation can be had, or the one message cannot be sent.
    """
    terminal = sys.stdout.isatty()
    talks = options.once is None and terminal and sys.stdin.isatty()
    client = Client(options.address, options.patience)
    view = _view(terminal)
    person = Keyboard(client, view.hold) if talks else None
    session = Session(client, options.agent, person, options.variables, options.overrides)
    with signals(client.interrupt):
        try:
            if talks:
                return Chat(session, view).talk(options)
            message = checked(options.once if options.once is not None else _piped())
            return Chat(session, view).once(options, message)
        except Interrupted:
            return INTERRUPTED
        finally:
            client.close()


class Chat:
    """The person, or the pipe, on one side; the session on the other."""

    def __init__(self, session: Session, view: View) -> None:
        self._session = session
        self._view = view
        self._commands = Commands(session, view)

    def once(self, options: Options, message: str) -> int:
        """One message, and its reply."""
        self._open(options)
        ending = self._say(message)
        if isinstance(ending, Finished):
            return OK
        if isinstance(ending, Unattended):
            return UNATTENDED
        return INTERRUPTED if isinstance(ending, Stopped | Left) else FAILED

    def talk(self, options: Options) -> int:
        """Messages and commands until the person leaves."""
        self._open(options)
        self._try(self._commands.come_back if options.conversation else self._commands.welcome)
        self._view.note("/help lists the commands, Ctrl-D leaves.")
        prompt = Prompt(options.state, self._commands.names)
        while not self._commands.leaving:
            try:
                line = prompt.read().strip()
            except EOFError:
                break
            self._try(self._do, line)
        return OK

    def _try(self, do: Callable[..., None], *words: str) -> None:
        """Do it; what goes wrong is said."""
        try:
            with silent():
                do(*words)
        except ChatFault as fault:
            self._view.error(fault.message)
        except Interrupted:
            self._view.note("Not waiting any longer.")

    def _open(self, options: Options) -> None:
        if options.conversation:
            self._session.resume(options.conversation)
        else:
            self._session.begin()
        self._commands.greet()

    def _do(self, line: str) -> None:
        if not line:
            return
        if line.startswith("/") and not line.startswith("//"):
            self._commands.run(line)
            return
        self._say(checked(self._chosen(line.removeprefix("/"))))

    def _chosen(self, line: str) -> str:
        """The suggested reply, if the line is its number."""
        suggestions = self._view.suggestions
        numbers = [str(number) for number, _ in enumerate(suggestions, 1)]
        return suggestions[numbers.index(line)] if line in numbers else line

    def _say(self, message: str) -> Ending:
        fields = self._commands.take_fields()
        with silent():
            ending = self._view.follow(self._session.say(message, **fields))
        return ending or Failed("NO_ANSWER", "The reply did not end.")


def checked(message: str) -> str:
    """The message, without white space around it.

    Raises:
        ChatFault: it is empty, too long or no text.
    """
    message = message.strip()
    if not message:
        raise ChatFault("The message is empty. Write something.")
    if len(message) > MAX_MESSAGE_CHARACTERS:
        raise ChatFault(f"The message may have {MAX_MESSAGE_CHARACTERS} characters. Shorten it.")
    if any("\ud800" <= character <= "\udfff" for character in message):
        raise ChatFault("The message is not UTF-8 text.")
    return message


def _piped() -> str:
    """Standard input, as one message."""
    data = sys.stdin.buffer.read(8 * MAX_MESSAGE_CHARACTERS)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ChatFault("The message is not UTF-8 text.") from None


def _view(terminal: bool) -> View:
    """Replies rendered in a terminal; otherwise standard output has nothing but the reply."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    console = Console(highlight=False, markup=False, emoji=False)
    if terminal and not console.is_dumb_terminal:
        return View(console, LiveReply(console), rendered=True)
    notes = Console(stderr=True, highlight=False, markup=False, emoji=False)
    return View(notes, PlainReply(sys.stdout), rendered=False)
