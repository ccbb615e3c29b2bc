"""What is wrong with a frame, as its sender is told."""

from shared.errors import ValidationError
from shared.protocol.faults import Fault

NO_CONVERSATION = "There is no such conversation."
"""What is said of one that does not exist, and of one that is somebody else's."""


class FrameError(ValidationError):
    """The frame is not valid.

    `request_id` is the frame's own, if it had a valid one, for the `error` event. `answered` is the
    session whose turn the frame would have answered: the request id may be that turn's.
    """

    answered: str | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        request_id: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message, code=code, details={"field": field} if field else None)
        self.request_id = request_id


def no_such_session(request_id: str | None = None) -> FrameError:
    """The one answer for a session that does not exist and for one that is not the caller's."""
    return FrameError(
        "There is no such session. Create one with create_conversation_session.",
        code="SESSION_NOT_FOUND",
        request_id=request_id,
    )


def no_such_conversation(request_id: str | None = None) -> FrameError:
    """The same for conversations."""
    return FrameError(NO_CONVERSATION, code="CONVERSATION_NOT_FOUND", request_id=request_id)


def invalid(fault: Fault, request_id: str | None) -> FrameError:
    """One field of a frame is wrong."""
    said = f"The frame's {fault}" if fault.path else f"The frame {fault.reason}."
    return FrameError(said, request_id=request_id, field=fault.field)
