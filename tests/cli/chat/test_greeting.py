"""What an agent says before the first message is shown at the beginning of a conversation."""

import io
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shared.cli.chat.address import Address
from shared.cli.chat.client import Client
from shared.cli.chat.commands import Commands
from shared.cli.chat.greeting import greeting
from shared.cli.chat.replies import PlainReply
from shared.cli.chat.session import Session
from shared.cli.chat.tokens import Tokens
from shared.cli.chat.view import View
from tests.cli.chat.scripted_server import QUICK, ScriptedServer
from tests.cli.chat.test_terminal import prompted
from tests.cli.chat.tmux import Terminal, needs_tmux
from tests.local.serving import served
from tests.support.deployments import local_set

ADA = {"customer": "Ada \x1b[2J"}


async def agents(request: Request) -> Response:
    """`shop` greets whoever has the token, `mute` nobody; what the others say is no agent."""
    match request.path_params["agent"]:
        case "shop" if request.headers.get("authorization") == "Bearer secret":
            return JSONResponse({"greeting": "Hello {{ customer }}, it is {{system__date}}!"})
        case "mute":
            return JSONResponse({"greeting": None})
        case "list":
            return JSONResponse([{"greeting": "Hello"}])
        case "page":
            return PlainTextResponse("Hello")
    return JSONResponse({"error": {"code": "UNAUTHORIZED", "message": "No."}}, 401)


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with served(Starlette(routes=[Route("/agents/{agent}", agents)])) as root:
        yield root


def at(api: str, token: str | None = "secret", command: str | None = None) -> Address:
    tokens = Tokens.of(None if command else token, command)
    return Address(url="ws://127.0.0.1:1/prod", api=api, tokens=tokens)


@contextmanager
def talking(api: str) -> Iterator[tuple[Session, Commands, io.StringIO]]:
    out = io.StringIO()
    notes = Console(file=out, width=80, highlight=False, markup=False, emoji=False)
    with (
        ScriptedServer() as server,
        # No token: the scripted server gives no tickets.
        closing(Client(Address(url=server.url, api=api), QUICK)) as client,
    ):
        session = Session(client, "mute", None, {}, {"greeting": "Good *day*"})
        session.begin()
        yield session, Commands(session, View(notes, PlainReply(out), rendered=True)), out


def test_the_variables_stand_in_it() -> None:
    said = greeting(at(""), "shop", ADA, {"greeting": "Hi {{customer}} {{other}}"})
    assert said == "Hi Ada [2J {{other}}"


def test_it_is_asked_for_with_the_token(api: str) -> None:
    said = "Hello Ada [2J, it is {{system__date}}!"
    assert greeting(at(api), "shop", ADA, {}) == said
    command = f"{sys.executable} -c \"print('secret')\""
    assert greeting(at(api, command=command), "shop", ADA, {"language": "de"}) == said


@pytest.mark.parametrize("agent", ["mute", "list", "page", "other", "a/../shop"])
def test_an_agent_without_one_says_nothing(api: str, agent: str) -> None:
    assert greeting(at(api), agent, ADA, {}) == ""


def test_without_access_there_is_none(api: str) -> None:
    failing = f'{sys.executable} -c "raise SystemExit(1)"'
    assert greeting(at(api, "wrong"), "shop", {}, {}) == ""
    assert greeting(at(api, None), "shop", {}, {}) == ""
    assert greeting(at(api, command=failing), "shop", {}, {}) == ""
    assert greeting(at("http://127.0.0.1:1"), "shop", {}, {}) == ""
    assert greeting(at(""), "shop", {}, {}) == ""


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("ws://127.0.0.1:8787/ws", "http://127.0.0.1:8787"),
        ("wss://example.com/ws", "https://example.com"),
        ("wss://example.com/prod", ""),
    ],
)
def test_where_it_is_asked_for(url: str, base: str) -> None:
    assert Address.of(url, None, None).http == base


def test_a_new_conversation_begins_with_it(api: str) -> None:
    with talking(api) as (_, commands, out):
        commands.run("/new")
    said = out.getvalue()
    assert said.index("conversation fresh") < said.index("Good day")


def test_one_that_is_come_back_to_does_not(api: str) -> None:
    with talking(api) as (session, commands, out):
        session.resume("c")
        commands.greet()
    assert "Good" not in out.getvalue()


@needs_tmux
def test_the_agent_of_a_real_server_greets(tmp_path: Path) -> None:
    with (
        local_set(tmp_path / "work", "http://127.0.0.1:1") as running,
        Terminal(tmp_path, "chat", "--url", running.socket_url, variables={}) as terminal,
    ):
        terminal.wait("Ctrl-D leaves.")
        screen = terminal.wait(prompted)
        terminal.press("C-d")
        terminal.wait("ended 0")
    assert screen.count("Hello! What can I do for you?") == 1
