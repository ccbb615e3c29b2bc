"""Frames that the parser takes, and what it makes of them."""

from typing import Any

import pytest

from shared.protocol.fields import NO_SESSION
from shared.protocol.frames import (
    Cancel,
    CreateConversationSession,
    FrameError,
    GetConversationMessages,
    GetSession,
    ListConversations,
    Ping,
    RenameConversation,
    SendMessage,
)
from tests.protocol.samples import (
    CREATE,
    LIST,
    MESSAGES,
    RENAME,
    SEND,
    SESSION,
    parsed,
    refusal,
    without,
)


def test_a_message() -> None:
    frame = parsed(SEND, stream=True)
    assert frame == SendMessage(request_id="q1", session_id=SESSION.lower(), message="Hi")


def test_a_message_that_chooses() -> None:
    frame = parsed(SEND, stream=False, model="claude-haiku-4-5", skill="tone-of_voice2")
    assert isinstance(frame, SendMessage)
    assert (frame.stream, frame.model) == (False, "claude-haiku-4-5")
    assert frame.skill == "tone-of_voice2"


def test_a_session_with_everything() -> None:
    frame = parsed(
        CREATE,
        conversationId=SESSION,
        userName="Ann",
        userEmail="ann@example.com",
        supports=["choice_chips"],
        metadata={"plan": {"name": "gold"}},
        browserFingerprint="f",
    )
    assert isinstance(frame, CreateConversationSession)
    assert frame.conversation_id == SESSION.lower()
    assert (frame.user_name, frame.user_email) == ("Ann", "ann@example.com")
    assert frame.supports == ("choice_chips",)
    assert frame.metadata == {"plan": {"name": "gold"}}


def test_a_session_with_nothing() -> None:
    frame = parsed({"action": "create_conversation_session"})
    assert frame == CreateConversationSession()
    assert isinstance(frame, CreateConversationSession)
    assert (frame.user_name, frame.supports, frame.metadata) == ("Visitor", None, {})


def test_null_is_as_good_as_absent() -> None:
    names = ("requestId", "agentId", "conversationId", "userName", "userEmail", "supports")
    more = ("metadata", "browserFingerprint", "authContext")
    nulls = dict.fromkeys((*names, *more))
    assert parsed({"action": "create_conversation_session", **nulls}) == CreateConversationSession()
    assert parsed(SEND, stream=None, model=None, skill=None, images=None) == parsed(SEND)
    assert parsed(MESSAGES, limit=None, cursor=None, before=None) == parsed(MESSAGES)
    assert parsed(LIST, limit=None, cursor=None, query=None) == parsed(LIST)
    assert parsed({"action": "cancel", "requestId": None, "sessionId": None}) == Cancel()


def test_an_explicit_empty_list_of_capabilities_is_not_none() -> None:
    frame = parsed(CREATE, supports=[])
    assert isinstance(frame, CreateConversationSession)
    assert frame.supports == ()


@pytest.mark.parametrize("value", ["not-a-uuid", "", "{0191f3a4-0000-7000-8000-00000000000a}"])
def test_a_conversation_that_cannot_exist_is_an_unknown_one(value: str) -> None:
    frame = parsed(CREATE, conversationId=value)
    assert isinstance(frame, CreateConversationSession)
    assert frame.conversation_id is None


@pytest.mark.parametrize("value", ["nobody", "a b@c", "a@b\u0000", 5, {}, "x" * 64 + "y@z.org"])
def test_an_email_that_is_none_is_forgotten(value: object) -> None:
    frame = parsed(CREATE, userEmail=value)
    assert isinstance(frame, CreateConversationSession)
    assert frame.user_email is None


def test_the_connection_has_a_default_agent() -> None:
    frame = parsed(without(CREATE, "agentId"))
    assert isinstance(frame, CreateConversationSession)
    assert frame.agent("fallback") == "fallback"
    with pytest.raises(FrameError, match='"agentId" is missing') as caught:
        frame.agent(None)
    assert caught.value.request_id == "c1"
    named = parsed(CREATE)
    assert isinstance(named, CreateConversationSession)
    assert named.agent("fallback") == "assistant"


def test_the_other_actions() -> None:
    assert parsed({"action": "ping"}) == Ping()
    assert parsed({"action": "ping", "requestId": "p"}) == Ping(request_id="p")
    got = parsed({"action": "get_session", "sessionId": SESSION})
    assert got == GetSession(session_id=SESSION.lower())


@pytest.mark.parametrize(
    ("fields", "limit", "cursor"),
    [
        ({}, 50, None),
        ({"limit": 1, "cursor": "c"}, 1, "c"),
        ({"limit": 100, "before": "b"}, 100, "b"),
        ({"cursor": "c", "before": "b"}, 50, "c"),
        ({"cursor": "", "before": "b"}, 50, "b"),
        ({"cursor": ""}, 50, None),
    ],
)
def test_pages(fields: dict[str, Any], limit: int, cursor: str | None) -> None:
    frame = parsed(MESSAGES, **fields)
    assert isinstance(frame, GetConversationMessages)
    assert (frame.limit, frame.older_than) == (limit, cursor)


@pytest.mark.parametrize(
    ("limit", "given"), [(1, 1), (200, 200), (201, 200), (10**400, 200), (None, 50)]
)
def test_a_list_of_more_than_the_most_is_one_of_the_most(limit: Any, given: int) -> None:
    frame = parsed(LIST, limit=limit)
    assert isinstance(frame, ListConversations)
    assert frame.limit == given


def test_a_new_title() -> None:
    frame = parsed(RENAME, title=" Refund \x00 ")
    assert isinstance(frame, RenameConversation)
    assert (frame.conversation_id, frame.title) == (SESSION.lower(), " Refund \x00 ")


@pytest.mark.parametrize(
    ("given", "session"), [(SESSION, SESSION.lower()), ("nonsense", NO_SESSION), ("", NO_SESSION)]
)
def test_a_stop_may_name_any_session(given: str, session: str) -> None:
    frame = parsed({"action": "cancel", "requestId": "q1", "sessionId": given})
    assert frame == Cancel(request_id="q1", session_id=session)


def test_unknown_fields_are_ignored_and_python_names_are_unknown() -> None:
    assert parsed(SEND, colour="red", session_id="x") == parsed(SEND)
    fault = refusal(without(SEND, "sessionId"), session_id=SESSION)
    assert '"sessionId" is missing' in fault.message


def test_attachments_may_be_empty() -> None:
    assert parsed(SEND, images=[], files=[]) == parsed(SEND)


def test_frames_cannot_be_changed() -> None:
    frame = parsed({"action": "ping"})
    with pytest.raises(Exception, match="frozen"):
        frame.request_id = "x"  # type: ignore[misc]
