"""DynamoDB's errors as the port's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    ChecksumError,
    ClientError,
    ConnectionError,  # noqa: A004
    HTTPClientError,
)
from botocore.parsers import ResponseParserError

from shared.storage.dynamodb_wire import item_from_wire
from shared.storage.table import (
    ConditionFailed,
    Conflict,
    Item,
    Throttled,
    TransientError,
    Unavailable,
)

_NO_ANSWER: tuple[type[Exception], ...] = (
    ConnectionError,
    HTTPClientError,
    ChecksumError,
    ResponseParserError,
)

_TRANSIENT: Mapping[str, type[TransientError]] = {
    "TransactionConflictException": Conflict,
    "TransactionInProgressException": Conflict,
    "ReplicatedWriteConflictException": Conflict,
    "ProvisionedThroughputExceededException": Throttled,
    "ThrottlingException": Throttled,
    "Throttling": Throttled,
    "RequestLimitExceeded": Throttled,
    "RequestTimeout": Unavailable,
    "RequestTimeoutException": Unavailable,
    # The reasons of a cancelled transaction are spelled in their own way.
    "TransactionConflict": Conflict,
    "ProvisionedThroughputExceeded": Throttled,
    "ThrottlingError": Throttled,
}
_INVALID = frozenset({"ValidationException", "ValidationError", "ItemCollectionSizeLimitExceeded"})
_SERVER_ERROR = 500


@contextmanager
def translated() -> Iterator[None]:
    """Raise the port's errors in the place of botocore's; what the port has no word for stays.

    Raises:
        ConditionFailed: a condition of the only operation (number 0) or of a transaction.
        ValueError: DynamoDB found the request or the item that it would make invalid.
        TransientError: see the port.
    """
    try:
        yield
    except ClientError as error:
        meant = _meaning(error)
        if meant is None:
            raise
        raise meant from error
    except _NO_ANSWER as error:
        raise Unavailable(type(error).__name__) from error


def _meaning(error: ClientError) -> Exception | None:
    response: Mapping[str, Any] = error.response
    code = response["Error"].get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ConditionalCheckFailedException":
        return ConditionFailed({0: _item(response)})
    if code == "TransactionCanceledException":
        return _cancelled(response.get("CancellationReasons", ()))
    if code in _TRANSIENT:
        return _TRANSIENT[code](code)
    if code in _INVALID:
        return ValueError(str(error))
    return Unavailable(code) if status >= _SERVER_ERROR else None


def _cancelled(reasons: Sequence[Mapping[str, Any]]) -> Exception | None:
    """A refusal counts before a conflict: trying again would meet it again."""
    codes = [reason.get("Code", "None") for reason in reasons]
    failures = {
        position: _item(reasons[position])
        for position, code in enumerate(codes)
        if code == "ConditionalCheckFailed"
    }
    if failures:
        return ConditionFailed(failures)
    for position, code in enumerate(codes):
        if code in _INVALID:
            return ValueError(f"operation {position}: {reasons[position].get('Message', code)}")
    return next((_TRANSIENT[code](code) for code in codes if code in _TRANSIENT), None)


def _item(answer: Mapping[str, Any]) -> Item | None:
    """The item as it was; DynamoDB leaves it out when there was none."""
    wire = answer.get("Item")
    return item_from_wire(wire) if wire else None
