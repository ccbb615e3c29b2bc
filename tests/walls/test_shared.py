"""A conversation with an agent that shares them: what its tenant may, what its owner alone."""

from dataclasses import dataclass
from typing import Any

import pytest

from shared.conversations.items import turn_id, turn_ref
from tests.walls.people import ADMIN, ANN, BEA, BOB, COLLEAGUE, ROBOT, SAME_NAME, Person
from tests.walls.settling import hold
from tests.walls.town import Town

MINE, HIS = "what Ann asks", "what Bob asks"


@dataclass
class Club:
    """Ann began a conversation; `bob` is a connection of Bob's."""

    town: Town
    ann: str
    bob: str
    session: str
    conversation: str

    @property
    def turn(self) -> str:
        """What Ann asked first."""
        return turn_id(self.conversation, turn_ref(self.session, "first"))

    def joined(self, connection: str, **more: Any) -> dict[str, Any]:
        return dict(self.town.opened(connection, "club", conversationId=self.conversation, **more))


@pytest.fixture
def club(town: Town) -> Club:
    ann, bob = town.connect(ANN), town.connect(BOB)
    ids = town.opened(ann, "club")
    made = Club(town, ann, bob, ids["sessionId"], ids["conversationId"])
    assert town.say(ann, made.session, "first", MINE)["status"] == 202
    town.work()
    return made


def texts(answer: dict[str, Any]) -> list[str]:
    return [each["content"]["text"] for each in answer["data"]["messages"]]


def titles(town: Town, person: Person) -> list[str]:
    return [each["title"] for each in town.request(person, "GET", "/conversations").body]


def test_another_user_reads_it(club: Club) -> None:
    path = f"/conversations/{club.conversation}/messages"
    said = [each["text"] for each in club.town.request(BOB, "GET", path).body]
    assert said == [club.town.model.text, MINE]
    turn = club.town.request(BOB, "GET", f"/turns/{club.turn}").body
    assert (turn["status"], turn["text"]) == ("completed", club.town.model.text)


def test_another_user_goes_on_in_a_session_of_their_own(club: Club) -> None:
    ids = club.joined(club.bob)
    assert (ids["conversationId"], ids["sessionId"] != club.session) == (club.conversation, True)
    assert club.town.say(club.bob, ids["sessionId"], "second", HIS)["status"] == 202
    club.town.work()
    about = {"sessionId": ids["sessionId"]}
    read = club.town.frame(club.bob, "get_conversation_messages", **about)
    answer = club.town.model.text
    assert texts(read) == [answer, HIS, answer, MINE]
    messages = club.town.model.requests[-1].messages
    assert MINE in str(messages), "the agent remembers what was said before"


@pytest.mark.parametrize("way", ["by frame", "by request"])
def test_another_user_stops_its_turn(club: Club, way: str) -> None:
    town = club.town
    assert town.say(club.ann, club.session, "waiting", MINE)["status"] == 202
    waiting = turn_id(club.conversation, turn_ref(club.session, "waiting"))
    if way == "by frame":
        town.send(club.bob, "cancel", sessionId=club.joined(club.bob)["sessionId"])
    else:
        assert town.request(BOB, "POST", f"/turns/{waiting}/cancel").status == 202
    town.work()
    assert town.request(ANN, "GET", f"/turns/{waiting}").body["status"] == "cancelled"


def test_it_stands_in_no_list_but_its_owners(club: Club) -> None:
    ids = club.joined(club.bob)
    club.town.say(club.bob, ids["sessionId"], "second", HIS)
    club.town.work()
    assert [titles(club.town, each) for each in (ANN, BOB, COLLEAGUE, BEA)] == [[MINE], [], [], []]


@pytest.mark.parametrize("person", [BOB, ADMIN, BEA])
def test_only_its_owner_renames_it(club: Club, person: Person) -> None:
    connection = club.town.connect(person)
    about = {"conversationId": club.conversation, "title": "Another name"}
    answer = club.town.frame(connection, "rename_conversation", **about)
    assert answer["error"]["code"] == "CONVERSATION_NOT_FOUND"
    assert titles(club.town, ANN) == [MINE]


@pytest.mark.parametrize("person", [BOB, ADMIN, BEA])
def test_a_session_of_it_is_its_users_alone(club: Club, person: Person) -> None:
    connection = club.town.connect(person)
    for action, fields in (
        ("send_message", {"message": "Hello", "requestId": "q"}),
        ("get_session", {}),
        ("get_conversation_messages", {}),
    ):
        answer = club.town.frame(connection, action, sessionId=club.session, **fields)
        assert answer["error"]["code"] == "SESSION_NOT_FOUND"


@pytest.mark.parametrize("person", [BEA, SAME_NAME, ROBOT])
def test_another_tenant_has_no_part_in_it(club: Club, person: Person) -> None:
    town = club.town
    connection = town.connect(person)
    assert club.joined(connection)["conversationId"] != club.conversation
    for method, path in (
        ("GET", f"/conversations/{club.conversation}/messages"),
        ("GET", f"/turns/{club.turn}"),
        ("POST", f"/turns/{club.turn}/cancel"),
    ):
        assert town.request(person, method, path).status == 404


def test_with_another_agent_it_is_not_shared(town: Town) -> None:
    ann, bob = town.connect(ANN), town.connect(BOB)
    private = town.opened(ann, "assistant")["conversationId"]
    # Whatever agent is named: how the conversation began counts.
    joined = town.opened(bob, "club", conversationId=private)
    assert joined["conversationId"] != private
    assert town.request(BOB, "GET", f"/conversations/{private}/messages").status == 404


def test_what_a_turn_says_is_pushed_to_nobody_but_who_asked(club: Club) -> None:
    town = club.town
    ids = club.joined(club.bob)
    # The others use the conversation too, and one more connection of Bob's another session of his.
    again, cat = town.connect(BOB), town.connect(COLLEAGUE)
    club.joined(again)
    club.joined(cat)
    for asker, session, words in (
        (club.bob, ids["sessionId"], "for Bob alone"),
        (club.ann, club.session, "for Ann alone"),
    ):
        town.push.sent.clear()
        town.model.text = words
        assert town.say(asker, session, "private", words)["status"] == 202
        town.work()
        assert {name for name, _ in town.push.sent} == {asker}
        told = [event["type"] for event in town.heard(asker)]
        assert told == ["immediate_response", "stream_token", "eventual_response"]


def test_the_end_of_a_turn_that_another_user_stops_is_told_to_who_asked(club: Club) -> None:
    town = club.town
    ids = club.joined(club.bob)
    town.say(club.ann, club.session, "running", MINE)
    town.queue.queued.clear()
    hold(town, "acme", club.conversation)
    town.push.sent.clear()
    town.send(club.bob, "cancel", sessionId=ids["sessionId"])
    town.clock.advance(600)
    town.work()
    assert {name for name, _ in town.push.sent} == {club.ann}
    assert [event["type"] for event in town.heard(club.ann)] == ["cancelled"]
