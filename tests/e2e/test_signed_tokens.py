"""A deployment whose callers bear the tokens of an identity provider."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e import tokens
from tests.e2e.client import Body, Chat, Http
from tests.e2e.stack import Stack
from tests.e2e.tokens import Provider, claims, signed
from tests.messaging.receivers import HOST, receiver

pytestmark = pytest.mark.emulator

NOW = int(time.time())
BAD: dict[str, str] = {
    "expired": signed("ann", exp=NOW - 3600),
    "not yet valid": signed("ann", nbf=NOW + 3600),
    "for another audience": signed("ann", aud="somebody-else"),
    "for everybody": signed("ann", aud=None),
    "of another issuer": signed("ann", iss="https://elsewhere.example.com/"),
    "without an end": signed("ann", exp=None),
    "of nobody's tenant": signed("ann", tenant=None),
    "signed by somebody else": jwt.encode(claims("ann"), tokens.SECRET[::-1], "HS256"),
    "unsigned": jwt.encode(claims("ann"), "", "none"),
    "no token at all": "nonsense",
}


@pytest.fixture
def api(jwt_stack: Stack) -> Http:
    """The HTTP API of the deployment, without a credential."""
    return Http(jwt_stack.http_url, None)


def parts(event: Body) -> str:
    return "".join(event["data"]["data"]["response"]["responseParts"])


def refused(url: str, **query: str) -> bool:
    """Whether a handshake fails for want of a credential; the emulator says 403 for it."""
    with pytest.raises(InvalidStatus) as refusal, Chat(url, **query):
        pass
    return refusal.value.response.status_code in (401, 403)


def test_a_token_opens_a_conversation_that_the_api_knows(jwt_stack: Stack, api: Http) -> None:
    with Chat(jwt_stack.websocket_url, token=signed("ann")) as chat:
        session = chat.session()
        assert "My order is 4711" in parts(chat.say(session, "My order is 4711")[-1])

    status, [entry] = api.bearing(signed("ann")).call("GET", "/conversations?query=4711")
    assert (status, entry["message_count"]) == (200, 2)
    messages = f"/conversations/{entry['conversation_id']}/messages"
    assert api.bearing(signed("ann")).call("GET", messages)[0] == 200

    # Another user of the tenant, and another tenant's user of the same name, know nothing of it.
    for other in (signed("bob"), signed("ann", "globex")):
        http = api.bearing(other)
        assert http.call("GET", "/conversations?query=4711") == (200, [])
        assert http.call("GET", messages)[0] == 404
        with Chat(jwt_stack.websocket_url, token=other) as stranger:
            [answer] = stranger.ask("get_session", until="error", sessionId=session)
        assert answer["error"]["code"] == "SESSION_NOT_FOUND"


def test_a_ticket_stands_for_the_token_that_it_was_given_for(jwt_stack: Stack, api: Http) -> None:
    turn = {"agent_id": "assistant", "message": "A teapot, please"}
    status, made = api.bearing(signed("carla")).call("POST", "/executor/turns", turn)
    assert status == 200, made
    ticket = api.bearing(signed("carla")).ticket()

    with Chat(jwt_stack.websocket_url, ticket=ticket) as chat:
        [listed] = chat.ask("list_conversations", until="immediate_response")

    assert [each["title"] for each in listed["data"]["conversations"]] == ["A teapot, please"]
    assert refused(jwt_stack.websocket_url, ticket=ticket)


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
def test_a_bad_token_opens_nothing(token: str, jwt_stack: Stack, api: Http) -> None:
    for method, path in (("GET", "/conversations"), ("POST", "/tickets"), ("GET", "/turns/x")):
        sent: Body | None = {} if method == "POST" else None
        assert api.bearing(token).call(method, path, sent)[0] == 401
    assert refused(jwt_stack.websocket_url, token=token)


def test_without_a_token_nobody_comes_in(jwt_stack: Stack, api: Http) -> None:
    assert api.call("GET", "/conversations")[0] == 401
    assert api.call("GET", "/health")[0] == 200
    assert refused(jwt_stack.websocket_url)
    both = {"token": signed("ann"), "ticket": "a" * 43}
    assert refused(jwt_stack.websocket_url, **both)


def test_the_service_token_is_for_programs(jwt_stack: Stack, api: Http) -> None:
    service = api.bearing(jwt_stack.token)
    turn = {"agent_id": "assistant", "message": "Good morning"}
    status, made = service.call("POST", "/executor/turns", turn)
    assert status == 200, made
    assert service.call("GET", f"/turns/{made['turn_id']}")[0] == 200

    assert service.call("GET", "/conversations")[0] == 401
    assert service.call("POST", "/tickets", {})[0] == 401
    assert refused(jwt_stack.websocket_url, token=jwt_stack.token)


def test_a_connection_goes_on_with_a_new_token(jwt_stack: Stack) -> None:
    # Given a token that a clock which is a little slow still takes, and no grace
    ended = signed("ann", exp=int(time.time()) - 5)
    with Chat(jwt_stack.websocket_url, token=ended) as chat:
        [answer] = chat.ask("list_conversations", until="error")
        assert answer["error"]["code"] == "AUTH_EXPIRED"

        # When somebody else's is brought, nothing changes
        [answer] = chat.ask("authenticate", until="error", token=signed("bob"))
        assert answer["error"]["code"] == "UNAUTHORIZED"

        # Then only the same user's lets the connection go on
        [answer] = chat.ask("authenticate", until="immediate_response", token=signed("ann"))
        assert answer["status"] == 200, answer
        chat.session()


def test_no_token_is_in_the_logs(jwt_stack: Stack, api: Http) -> None:
    """Those of the HTTP API: what runs for a WebSocket the emulator does not log."""
    good = signed("dora")
    assert api.bearing(good).call("GET", "/conversations") == (200, [])
    assert api.bearing(BAD["expired"]).call("GET", "/conversations")[0] == 401

    printed = jwt_stack.emulator.printed(lines=10_000)
    assert '"message":"token refused"' in printed
    for token in (good, *BAD.values()):
        assert not any(part in printed for part in token.split(".") if len(part) > 20)


def test_the_keys_may_be_those_that_a_provider_publishes(jwt_stack: Stack, api: Http) -> None:
    provider, stranger = Provider(), Provider()
    with receiver() as server:
        server.body = provider.published()
        keys = {"AUTH_JWT_SECRET": "", "AUTH_JWKS_URL": f"http://{HOST}:{server.port}/keys"}
        with told(jwt_stack, "Executor", keys):
            for token in (provider.rs256("ann"), provider.es256("ann")):
                assert api.bearing(token).call("GET", "/conversations")[0] == 200
            for token in (stranger.rs256("ann"), stranger.es256("ann"), signed("ann")):
                assert api.bearing(token).call("GET", "/conversations")[0] == 401
        assert [each.path for each in server.got] == ["/keys"]


@contextmanager
def told(stack: Stack, resource: str, variables: dict[str, str]) -> Iterator[None]:
    """A function with other variables than the template gave it, for a while."""
    functions, name = stack.emulator.client("lambda"), stack.resource(resource)
    given: dict[str, Any] = functions.get_function_configuration(FunctionName=name)["Environment"]
    before = given["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**before, **variables}}
    )
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": before}
        )
