"""A deployment whose agents and history a backend owns, while that is there, away, or refuses."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.client import Http, wait_for
from tests.e2e.stack import Stack
from tests.support.frames_client import FramesClient
from tests.support.messages_api import ScriptedMessagesApi
from tests.support.reference_backend import RemoteBackend

pytestmark = pytest.mark.emulator

AGENT = {
    "name": "Concierge",
    "instructions": "You serve {{guest}} in room {{room}}.",
    "overrides": ["instructions", "language"],
}
BROUGHT = {"guest": "Ann & Ben", "room": "7"}
MARKED = '<variable name="guest">Ann &amp; Ben</variable>'
PATIENCE = 100.0


class Hotel:
    """The deployment as the user ann and as its own service, and its backend."""

    def __init__(self, stack: Stack, product: RemoteBackend) -> None:
        self.stack = stack
        self.product = product
        self.http = Http(stack.http_url, stack.token)

    def turn(self, message: str, agent: str = "concierge", **fields: Any) -> tuple[int, Any]:
        body = {"agent_id": agent, "message": message, **fields}
        return self.http.call("POST", "/executor/turns", body, user="ann")

    def say(self, message: str, session: str | None = None) -> str:
        """A whole turn; its session."""
        fields = {"session_id": session} if session else {"dynamic_variables": BROUGHT}
        status, turn = self.turn(message, **fields)
        assert (status, turn.get("status")) == (200, "completed"), turn
        assert message in turn["text"]
        return str(turn["session_id"])

    def conversation(self, first: str) -> str:
        """The id of the one that began so."""
        _, [entry] = self.http.call("GET", f"/conversations?query={first}", user="ann")
        return str(entry["conversation_id"])

    def history(self, conversation: str) -> dict[str, Any]:
        status, found = self.http.call("GET", f"/conversations/{conversation}", user="ann")
        assert status == 200, found
        history: dict[str, Any] = found["history"]
        return history

    def arrived(self, conversation: str) -> dict[str, Any]:
        """How the history stands as soon as nothing of it waits."""

        def idle() -> dict[str, Any] | None:
            found = self.history(conversation)
            return found if found["waiting"] == 0 else None

        return wait_for(idle, PATIENCE)

    def end(self, conversation: str) -> dict[str, Any]:
        """End it; how its history stands when it has ended."""
        path = f"/conversations/{conversation}/end"
        assert self.http.call("POST", path, user="ann")[0] == 202

        def ended() -> dict[str, Any] | None:
            found = self.history(conversation)
            return found if found["state"] == "ended" else None

        return wait_for(ended, PATIENCE)

    def told(self, call: str) -> list[dict[str, Any]]:
        """What the backend was told of a call, in the order in which it was."""
        return [each for each in self.product.state()["committed"] if each["call"] == call]

    def copies(self) -> list[str]:
        """The partitions of the configurations that are kept."""
        dynamodb = self.stack.emulator.client("dynamodb")
        items = dynamodb.scan(
            TableName=self.stack.outputs["TableName"],
            FilterExpression="begins_with(pk, :agent)",
            ExpressionAttributeValues={":agent": {"S": "AGENT#"}},
            ConsistentRead=True,
        )["Items"]
        return sorted({each["pk"]["S"] for each in items})

    def lose_copy(self, agent: str) -> None:
        self.stack.emulator.client("dynamodb").delete_item(
            TableName=self.stack.outputs["TableName"],
            Key={"pk": {"S": f"AGENT#default#{agent}"}, "sk": {"S": "CONFIG"}},
        )


@pytest.fixture
def hotel(backed_stack: Stack, product: RemoteBackend) -> Iterator[Hotel]:
    product.put_agent("concierge", AGENT)
    yield Hotel(backed_stack, product)
    product.settings(down=False)
    product.clear_faults()


@pytest.fixture
def ann(hotel: Hotel) -> Iterator[FramesClient]:
    query = f"?ticket={hotel.http.ticket('ann')}"
    with FramesClient(hotel.stack.websocket_url, query) as client:
        yield client


def system(model: ScriptedMessagesApi) -> str:
    """What the model was told last of how to be."""
    return json.dumps(model.requests[-1]["system"], ensure_ascii=False).replace('\\"', '"')


def test_an_agent_of_the_backend_answers_a_session(
    ann: FramesClient, model: ScriptedMessagesApi
) -> None:
    session = ann.open_session(
        "concierge",
        dynamicVariables={"guest": "Ann & Ben"},
        overrides={"instructions": "Be short with {{guest}}."},
    )["sessionId"]

    assert "Good evening" in ann.say(session, "q", "Good evening")
    assert f"Be short with {MARKED}." in system(model)


def test_it_answers_a_program(hotel: Hotel, model: ScriptedMessagesApi) -> None:
    status, turn = hotel.turn(
        "Is there a bar?", dynamic_variables=BROUGHT, overrides={"language": "de"}
    )

    assert (status, turn.get("status")) == (200, "completed"), turn
    assert f"You serve {MARKED} in room " in system(model)
    assert "language with the tag de" in system(model)
    status, refused = hotel.turn("Is there a bar?", dynamic_variables={"guest": "Ann"})
    assert (status, refused["error"]["details"]["missing"]) == (422, ["room"])


def test_its_agents_are_those_of_the_backend(hotel: Hotel) -> None:
    status, [agent] = hotel.http.call("GET", "/agents")
    assert (status, agent["agent_id"], agent["name"]) == (200, "concierge", "Concierge")
    assert (agent["variables"], agent["overrides"]) == (["guest", "room"], AGENT["overrides"])
    assert hotel.http.call("GET", f"/agents/{agent['uuid']}") == (200, agent)
    # One that the artifact has a file of.
    assert hotel.http.call("GET", "/agents/assistant")[0] == 404


def test_the_history_arrives_whole_though_the_backend_was_away_at_first(hotel: Hotel) -> None:
    hotel.say("Hello")
    hotel.product.settings(down=True)
    session = hotel.say("Towels, please")
    hotel.say("And soap", session)
    conversation = hotel.conversation("Towels")
    before = hotel.history(conversation)
    assert (before["state"], before["complete"], before["waiting"]) == ("open", None, 5)

    hotel.product.settings(down=False)
    hotel.say("Thanks", session)
    after = hotel.end(conversation)

    assert (after["complete"], after["waiting"], after["missing"]) == (True, 0, 0)
    told = hotel.told(after["call_id"])
    assert [each["operation"] for each in told] == ["begin", *["transcript"] * 6, "finalize"]
    begun, *said, end = (each["body"] for each in told)
    assert (begun["conversation_id"], begun["user_id"]) == (conversation, "ann")
    assert [each["turn_index"] for each in said] == [0, 1, 2, 3, 4, 5]
    assert [each["content"] for each in said[::2]] == ["Towels, please", "And soap", "Thanks"]
    assert {each["speaker"] for each in said[1::2]} == {"ai"}
    assert (end["status"], end["missing"]) == ("connected", 0)
    assert len({each["key"] for each in told}) == len(told)


def test_what_is_refused_is_a_dead_letter_until_it_is_replayed(hotel: Hotel) -> None:
    hotel.product.fault("status", operation="transcript", status=422)
    hotel.say("Breakfast at eight")
    conversation = hotel.conversation("Breakfast")
    assert hotel.arrived(conversation)["missing"] == 1

    status, [dead] = hotel.http.call("GET", "/deliveries")
    assert (status, dead["kind"], dead["conversation_id"]) == (200, "transcript", conversation)
    assert "422" in dead["error"]
    assert hotel.http.call("GET", "/deliveries", user="ann")[0] == 403
    path = f"/deliveries/{dead['delivery_id']}/replay"
    assert hotel.http.call("POST", path)[0] == 202
    assert hotel.arrived(conversation)["missing"] == 0
    assert hotel.http.call("GET", "/deliveries") == (200, [])

    after = hotel.end(conversation)
    _, answer, asked, end = (each["body"] for each in hotel.told(after["call_id"]))
    assert (asked["content"], asked["turn_index"]) == ("Breakfast at eight", 0)
    assert (answer["speaker"], answer["turn_index"]) == ("ai", 1)
    assert (after["complete"], end["missing"]) == (True, 0)
    # What the alarm of the template counts.
    assert "record is a dead letter" in logged(hotel.stack)


def logged(stack: Stack) -> list[str]:
    """The messages in the worker's log that are what its metric filter reads: lines of JSON."""
    group = stack.resource("WorkerLogs")
    events = stack.emulator.client("logs").filter_log_events(logGroupName=group)["events"]
    lines = [each["message"] for each in events if each["message"].startswith("{")]
    # Metrics have no message.
    return [each["message"] for each in map(json.loads, lines) if "message" in each]


def test_a_process_that_begins_meanwhile_has_the_last_good_configuration(
    hotel: Hotel, ann: FramesClient
) -> None:
    for agent in ("porter", "valet"):
        hotel.product.put_agent(agent, {"name": agent, "instructions": "Carry."})
        status, turn = hotel.turn("My bags", agent=agent)
        assert status == 200, turn
    hotel.lose_copy("valet")
    hotel.product.settings(down=True)
    hotel.stack.restart("Worker")

    # SendMessage has never heard of this agent, and of the worker there is another process.
    session = ann.open_session("porter")["sessionId"]
    assert "My other bags" in ann.say(session, "q", "My other bags")
    # Executor remembers this one, so it is the worker that has nothing to answer from.
    status, failed = hotel.turn("My bags", agent="valet")
    assert (status, failed["error"]["code"]) == (502, "BACKEND_UNAVAILABLE")
    assert failed["error"]["details"]["turn_id"]


def test_an_agent_that_is_taken_away_is_gone_with_its_copy(hotel: Hotel) -> None:
    hotel.product.put_agent("page", {"name": "Page", "instructions": "Run."})
    status, turn = hotel.turn("A letter", agent="page")
    assert status == 200, turn
    assert "AGENT#default#page" in hotel.copies()

    hotel.product.put_agent("page", None)

    status, refused = hotel.turn("A letter", agent="page")
    assert (status, refused["error"]["code"]) == (404, "AGENT_NOT_FOUND")
    assert "AGENT#default#page" not in hotel.copies()
