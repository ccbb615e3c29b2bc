"""The token that lets this client in: the one that was given, or a fresh one from a command."""

import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import Self

from shared.cli.chat.faults import ChatFault, Unreachable

COMMAND_SECONDS = 60.0
"""How long a command may take: it may ask somewhere else."""

MAX_TOKEN = 16 * 1024
"""Characters that a command may print."""

_SIGNED = re.compile(r"[^.]+\.[^.]+\.[^.]+")


@dataclass(frozen=True)
class Tokens:
    """One of the two: a token, or the words of a command that prints one whenever it is run."""

    token: str
    command: tuple[str, ...] = ()

    @classmethod
    def of(cls, token: str | None, command: str | None) -> Self | None:
        """What the options mean; None without any.

        Raises:
            ChatFault: the token can be none, the command is none, or both are given.
        """
        if token is not None and command is not None:
            raise ChatFault("Give --token (or PARLEY_TOKEN) or --token-command, not both.")
        if command is not None:
            return cls("", _words(command))
        if token is None:
            return None
        if not _is_word(token):
            raise ChatFault("--token must be one word of plain ASCII characters.")
        return cls(token)

    @property
    def may_be_signed(self) -> bool:
        """Whether a WebSocket may take it as it is: service tokens it does not take."""
        return bool(self.command) or _SIGNED.fullmatch(self.token) is not None

    def get(self) -> str:
        """A token that is good now, as far as can be known here.

        Raises:
            Unreachable: the command gave none.
        """
        return _printed(self.command) if self.command else self.token


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        words = ()
    if not words:
        raise ChatFault("--token-command must be a command that prints a token.")
    return words


def _printed(command: tuple[str, ...]) -> str:
    """What the command prints. What it says on standard error is for the person."""
    try:
        done = subprocess.run(  # noqa: S603 - the command of whoever runs this
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _no_token(f"took longer than {COMMAND_SECONDS:g} seconds") from None
    except (OSError, ValueError):
        raise _no_token("cannot be run") from None
    if done.returncode != 0:
        raise _no_token(f"failed with exit code {done.returncode}")
    token = done.stdout[: MAX_TOKEN + 1].decode("ascii", "replace").strip()
    if len(token) > MAX_TOKEN or not _is_word(token):
        raise _no_token("printed something else than one word of plain ASCII characters")
    return token


def _no_token(why: str) -> Unreachable:
    return Unreachable(f"There is no token: the --token-command {why}.", lasting=True)


def _is_word(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
