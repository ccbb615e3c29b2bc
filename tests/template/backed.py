"""What a deployment goes through whose agents and history a backend owns."""

from collections.abc import Callable
from typing import Any

from tests.support.aws import client
from tests.support.reference_backend import ReferenceBackend
from tests.template.life import SERVICE_TOKEN, Life

GUEST = {"name": "Guest", "instructions": "You stay for a while."}


def live(life: Life, backend: ReferenceBackend) -> None:
    """Everything that comes with a backend, beside what others go through as well."""
    record(life, backend)
    forget(life, backend)
    keep_on(life, backend)


def record(life: Life, backend: ReferenceBackend) -> None:
    """A record that is refused, replayed, and the end of its conversation."""
    functions = life.functions
    backend.fault("status", operation="transcript", status=422)
    _turn(life, "assistant")
    functions.work()
    [dead] = _answer(life, "GET", "/deliveries")
    _answer(life, "POST", f"/deliveries/{dead['delivery_id']}/replay", status=202)
    functions.work()
    assert _answer(life, "GET", "/deliveries") == []
    path = f"/conversations/{dead['conversation_id']}"
    _answer(life, "POST", f"{path}/end", status=202)
    functions.work()
    history = _answer(life, "GET", path)["history"]
    assert (history["state"], history["complete"]) == ("ended", True), history


def forget(life: Life, backend: ReferenceBackend) -> None:
    """An agent that is taken away: whichever function finds it out gives up the copy."""
    functions = life.functions

    def frame() -> None:
        assert functions.connect("c4", **life.ticket()) == 200
        opened = {"requestId": "open", "agentId": "guest"}
        assert functions.frame("c4", "create_conversation_session", **opened)["type"] == "error"

    def gone(*finds_out: Callable[[], Any], waiting: bool = False) -> None:
        backend.books.put_agent("guest", GUEST)
        # Another process, which remembers nothing.
        functions.stop("Worker")
        _turn(life, "guest")
        functions.work()
        assert len(_copies(life)) == 2
        if waiting:
            _turn(life, "guest")
        backend.books.put_agent("guest", None)
        for each in finds_out:
            each()
        assert _copies(life) == []

    gone(frame)
    gone(lambda: _answer(life, "GET", "/agents/guest", status=404))
    gone(functions.work, waiting=True)


def keep_on(life: Life, backend: ReferenceBackend) -> None:
    """The backend does not answer, and processes that begin meanwhile have what they need."""
    functions = life.functions
    backend.down = True
    for function in ("SendMessage", "Executor"):
        functions.stop(function)
    assert functions.connect("c5", **life.ticket()) == 200
    opened = {"requestId": "open", "agentId": "assistant"}
    assert functions.frame("c5", "create_conversation_session", **opened)["status"] == 200
    assert _answer(life, "GET", "/agents/assistant")["name"] == "Assistant"
    backend.down = False


def _turn(life: Life, agent: str) -> None:
    body = {"agent_id": agent, "message": "Hello", "wait": 0}
    _answer(life, "POST", "/executor/turns", body, status=202)


def _answer(life: Life, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    found, answer = life.functions.http(method, path, SERVICE_TOKEN, body)
    assert found == status, answer
    return answer


def _copies(life: Life) -> list[Any]:
    """The items by which the agent that comes and goes is kept."""
    with client("dynamodb", life.place.endpoint) as dynamodb:
        items = dynamodb.scan(
            TableName=life.place.table,
            FilterExpression="begins_with(pk, :agent)",
            ExpressionAttributeValues={":agent": {"S": "AGENT#"}},
        )["Items"]
    own = {"AGENT#default#guest"}
    return [each for each in items if each["pk"]["S"] in own or each.get("id") == {"S": "guest"}]
