"""DynamoDB: what its errors mean, what it leaves unprocessed, and what is sent to it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from shared.storage.dynamodb import DynamoTable
from shared.storage.expressions import ABSENT, EXISTS, Append, Assign, Increment, Remove, attr
from shared.storage.table import (
    Check,
    ConditionFailed,
    Conflict,
    Item,
    Key,
    Put,
    Throttled,
    Unavailable,
    Update,
)
from tests.support.aws import client

KEY, OTHER = Key("P", "a"), Key("P", "b")
WIRE = {"pk": {"S": "P"}, "sk": {"S": "a"}, "n": {"N": "1"}}


class Client:
    """Answers each call with the next of the given answers; keeps the requests."""

    def __init__(self, *answers: Mapping[str, Any] | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[dict[str, Any]] = []

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self.requests.append(request)
            answer = self._answers.pop(0) if self._answers else {}
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def refusal(code: str, status: int = 400, **rest: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "words"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **rest,
    }
    return ClientError(response, "Operation")


def cancelled(*codes: str, item: Mapping[str, Any] | None = None) -> ClientError:
    reasons: list[dict[str, Any]] = [{"Code": code, "Message": "words"} for code in codes]
    if item:
        reasons[0]["Item"] = item
    return refusal("TransactionCanceledException", CancellationReasons=reasons)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (refusal("TransactionConflictException"), Conflict),
        (refusal("TransactionInProgressException"), Conflict),
        (refusal("ProvisionedThroughputExceededException"), Throttled),
        (refusal("ThrottlingException"), Throttled),
        (refusal("RequestLimitExceeded"), Throttled),
        (refusal("InternalServerError", 500), Unavailable),
        (refusal("ServiceUnavailable", 503), Unavailable),
        (refusal("?", 502), Unavailable),
        (refusal("ValidationException"), ValueError),
        (refusal("AccessDeniedException"), ClientError),
        (refusal("ResourceNotFoundException"), ClientError),
        (cancelled("None", "TransactionConflict"), Conflict),
        (cancelled("ThrottlingError", "None"), Throttled),
        (cancelled("ProvisionedThroughputExceeded"), Throttled),
        (cancelled("None", "ValidationError"), ValueError),
        (cancelled("None", "SomethingNew"), ClientError),
        (refusal("TransactionCanceledException"), ClientError),
        (EndpointConnectionError(endpoint_url="x"), Unavailable),
        (ReadTimeoutError(endpoint_url="x"), Unavailable),
        (NoCredentialsError(), NoCredentialsError),
    ],
    ids=repr,
)
def test_what_an_error_means(error: Exception, meaning: type[Exception]) -> None:
    with pytest.raises(meaning) as raised:
        DynamoTable(Client(error), "t").write([Put(Item(KEY)), Put(Item(OTHER))])
    assert type(raised.value) is type(error) or raised.value.__cause__ is error


def test_which_conditions_failed() -> None:
    error = cancelled("ConditionalCheckFailed", "TransactionConflict", "None", item=WIRE)
    with pytest.raises(ConditionFailed) as failed:
        DynamoTable(Client(error), "t").write([Check(KEY, EXISTS), Check(OTHER, EXISTS)])
    assert failed.value.failures == {0: Item(KEY, {"n": 1})}
    for wire, item in ((WIRE, Item(KEY, {"n": 1})), (None, None)):
        error = refusal("ConditionalCheckFailedException", Item=wire)
        with pytest.raises(ConditionFailed) as failed:
            DynamoTable(Client(error), "t").write([Put(Item(KEY), ABSENT)])
        assert failed.value.failures == {0: item}


def test_no_server_is_no_answer() -> None:
    with client("dynamodb", "http://127.0.0.1:9") as made, pytest.raises(Unavailable):
        DynamoTable(made, "t").get([KEY])


def batch(*found: str, left: tuple[str, ...] = ()) -> dict[str, Any]:
    items = [{"pk": {"S": "P"}, "sk": {"S": sk}} for sk in found]
    keys = [{"pk": {"S": "P"}, "sk": {"S": sk}} for sk in left]
    return {
        "Responses": {"t": items},
        "UnprocessedKeys": {"t": {"Keys": keys, "ConsistentRead": True}} if keys else {},
    }


def test_what_was_left_unread_is_asked_for_again() -> None:
    keys = [Key("P", sk) for sk in "abcd"]
    answers = Client(batch("b", left=("a", "c", "d")), batch("a", left=("d",)), batch())
    found = DynamoTable(answers, "t").get(keys)
    assert found == [Item(keys[0]), Item(keys[1]), None, None]
    asked = [len(request["RequestItems"]["t"]["Keys"]) for request in answers.requests]
    assert asked == [4, 3, 1]


def test_no_progress_is_a_throttle() -> None:
    stuck = Client(batch("a", left=("b",)), batch(left=("b",)))
    with pytest.raises(Throttled):
        DynamoTable(stuck, "t").get([KEY, OTHER])


def test_one_key_named_twice_is_asked_for_once() -> None:
    answers = Client(batch("a"))
    assert DynamoTable(answers, "t").get([KEY, KEY]) == [Item(KEY), Item(KEY)]
    assert len(answers.requests[0]["RequestItems"]["t"]["Keys"]) == 1


def test_the_expressions_of_an_update() -> None:
    sent = Client()
    changes = [
        Assign(("owner",), "me"),
        Increment(("epoch",), 1),
        Append(("jobs",), "a"),
        Remove(("list", 0)),
        Remove(("list", 1)),
    ]
    free = attr("owner").absent() | attr("until").le(attr("now"))
    condition = free & ~attr("jobs").size_below(3) & attr("pk").present()
    DynamoTable(sent, "t").write([Update(KEY, changes, condition)])
    (request,) = sent.requests
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]

    def plain(text: str) -> str:
        for place, name in names.items():
            text = text.replace(f"{place} ", f"{name} ").replace(f"{place})", f"{name})")
            text = text.replace(f"{place},", f"{name},").replace(f"{place}[", f"{name}[")
        return text

    assert plain(request["UpdateExpression"]) == (
        "SET owner = :v0, epoch = if_not_exists(epoch, :v1) + :v2, "
        "jobs = list_append(if_not_exists(jobs, :v3), :v4) REMOVE list[1], list[0]"
    )
    assert plain(request["ConditionExpression"] + " ") == (
        "((attribute_not_exists(owner) OR until <= now) AND "
        "NOT (attribute_exists(jobs) AND size(jobs) < :v5)) AND attribute_exists(pk) "
    )
    assert values[":v4"] == {"L": [{"S": "a"}]}
    assert request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
