"""Sessions: beginning a conversation, coming back to it, and to nobody else's."""

from dataclasses import dataclass
from typing import Any

import pytest

from shared.conversations.connections import MAX_SESSIONS
from shared.conversations.items import Connection, Session, connection_key, session_key
from shared.errors import ConflictError, RateLimited
from shared.identity.principal import Credential, Principal
from shared.mailbox.box import Box
from shared.mailbox.listeners import MAX_LISTENERS
from tests.wire.scene import Scene

ANN = Principal("acme", "ann", frozenset({"user"}))
BOB = Principal("acme", "bob", frozenset({"user"}))
ANN_ELSEWHERE = Principal("other", "ann", frozenset({"user"}))
SERVICE = Principal("acme", "service", frozenset({"service"}))


@dataclass(frozen=True)
class Agent:
    id: str = "assistant"
    name: str = "Assistant"
    shared_conversations: bool = False
    instructions: str = "Help."
    greeting: str | None = None
    model: str = "m"
    models_allowed: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()


def begin(scene: Scene, principal: Principal = ANN, **more: Any) -> Session:
    return scene.run(lambda: scene.deployment.sessions.open(principal, Agent(), **more))


def connected(scene: Scene, name: str, principal: Principal = ANN) -> Connection:
    scene.deployment.table.write(
        [scene.deployment.connections.opened(name, Credential(principal=principal))]
    )
    found = scene.deployment.connections.get(name)
    assert found is not None
    return found


def box(scene: Scene, session: Session) -> Box:
    item = scene.deployment.table.get([session.box.item])[0]
    assert item is not None
    return Box.read(session.box, item)


def test_a_new_session_has_a_conversation_of_its_own(scene: Scene) -> None:
    one, two = begin(scene), begin(scene)
    assert one.conversation != two.conversation
    assert (one.tenant, one.user, one.agent) == ("acme", "ann", "assistant")
    assert box(scene, one).jobs == ()


def test_coming_back_is_the_same_conversation(scene: Scene) -> None:
    first = begin(scene)
    again = begin(scene, conversation=first.conversation)
    assert again.conversation == first.conversation
    assert again.id != first.id


@pytest.mark.parametrize("principal", [BOB, ANN_ELSEWHERE])
def test_a_foreign_conversation_is_like_an_unknown_one(scene: Scene, principal: Principal) -> None:
    theirs = begin(scene).conversation
    foreign = begin(scene, principal, conversation=theirs)
    unknown = begin(scene, principal, conversation="00000000-0000-4000-8000-000000000000")
    for session in (foreign, unknown):
        assert session.conversation not in (theirs, "00000000-0000-4000-8000-000000000000")
        assert (session.user, session.tenant) == (principal.user, principal.tenant)


def test_the_service_may_go_on_for_its_people(scene: Scene) -> None:
    theirs = begin(scene)
    session = begin(scene, SERVICE, conversation=theirs.conversation)
    assert (session.conversation, session.user) == (theirs.conversation, "ann")


def test_what_a_client_supports_is_inherited_unless_it_says_otherwise(scene: Scene) -> None:
    first = begin(scene, supports=("stream_truncate",))
    assert begin(scene, conversation=first.conversation).supports == ("stream_truncate",)
    assert begin(scene, conversation=first.conversation, supports=()).supports == ()
    assert begin(scene).supports == ()


def test_only_who_may_use_a_session_finds_it(scene: Scene) -> None:
    session = begin(scene)
    sessions = scene.deployment.sessions
    assert sessions.find(ANN, session.id) == session
    assert sessions.find(SERVICE, session.id) == session
    assert sessions.find(BOB, session.id) is None
    assert sessions.find(ANN_ELSEWHERE, session.id) is None
    assert sessions.find(ANN, "none") is None


def test_the_same_id_is_the_same_session(scene: Scene) -> None:
    first = begin(scene, session_id="fixed")
    again = begin(scene, session_id="fixed")
    assert again == first


# -- connections --------------------------------------------------------------------------------


def test_a_session_streams_to_its_connection(scene: Scene) -> None:
    session = begin(scene, connection=connected(scene, "c1"))
    assert set(box(scene, session).conns) == {f"{session.id}/c1"}
    again = begin(scene, connection=connected(scene, "c2"), conversation=session.conversation)
    assert set(box(scene, session).conns) == {f"{session.id}/c1", f"{again.id}/c2"}


def test_a_disconnect_detaches_from_every_session(scene: Scene) -> None:
    scene.connect("c1")
    scene.connect("c2")
    sessions = [scene.session("c1") for _ in range(3)]
    for name in ("c1", "c2"):
        scene.say(name, sessions[0], f"r-{name}", "Hi")
    scene.disconnect("c1")
    found = [
        Session.read(name, item)
        for name in sessions
        if (item := scene.deployment.table.get([session_key(name)])[0])
    ]
    assert [set(box(scene, session).conns) for session in found] == [
        {f"{sessions[0]}/c2"},
        set(),
        set(),
    ]
    assert scene.deployment.table.get([connection_key("c1")]) == [None]
    scene.work()
    ended = [event["type"] for event in scene.events("c2", "r-c1")]
    assert ended[-1] == "eventual_response", "a disconnect is not a stop"


def test_a_disconnect_of_an_unknown_connection_is_nothing(scene: Scene) -> None:
    scene.disconnect("never")


def test_a_connection_uses_a_bounded_number_of_sessions(scene: Scene) -> None:
    connected(scene, "c1")
    connections = scene.deployment.connections
    for _ in range(MAX_SESSIONS):
        found = connections.get("c1")
        begin(scene, connection=found)
    with pytest.raises(ConflictError):
        begin(scene, connection=connections.get("c1"))


def test_a_conversation_streams_to_a_bounded_number_of_connections(scene: Scene) -> None:
    first = begin(scene, connection=connected(scene, "c0"))
    for number in range(1, MAX_LISTENERS + 3):
        scene.virtual.pass_time(1)
        connection = connected(scene, f"c{number}")
        begin(scene, connection=connection, conversation=first.conversation)
    conns = {name.split("/")[1] for name in box(scene, first).conns}
    assert conns == {f"c{number}" for number in range(3, MAX_LISTENERS + 3)}


def limited(scene: Scene, per_minute: int) -> tuple[Session, Any]:
    scene.deployment.connections._per_minute = per_minute
    session = begin(scene, connection=connected(scene, "c1"))

    def frame() -> None:
        connection = scene.deployment.connections.get("c1")
        assert connection is not None
        scene.deployment.table.write(scene.deployment.connections.frame(connection, session))

    return session, frame


def test_frames_are_counted_by_the_minute(scene: Scene) -> None:
    _, frame = limited(scene, 3)
    for _ in range(3):
        frame()
    with pytest.raises(RateLimited) as refused:
        frame()
    assert 0 < refused.value.retry_after <= 60
    scene.virtual.pass_time(refused.value.retry_after)
    frame()


def test_no_limit_is_none(scene: Scene) -> None:
    _, frame = limited(scene, 0)
    for _ in range(100):
        frame()


def test_a_client_is_told_when_to_come_back(scene: Scene) -> None:
    scene.deployment.connections._per_minute = 3
    scene.connect("c1")
    session = scene.session("c1")
    # Its opening was a frame too.
    answers = [scene.say("c1", session, f"r{number}", "Hi") for number in range(3)]
    assert [answer["type"] for answer in answers] == [
        "immediate_response",
        "immediate_response",
        "error",
    ]
    assert answers[-1]["error"]["code"] == "RATE_LIMITED"
    assert 0 < answers[-1]["data"]["details"]["retryAfter"] <= 60
