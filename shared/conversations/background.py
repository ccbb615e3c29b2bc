"""What a turn of a conversation is given beside what was said."""

from collections.abc import Sequence

from shared.conversations.messages import Message
from shared.conversations.pictures import Pictures
from shared.identity.principal import Principal
from shared.mailbox.box import Job
from shared.runner.background import Background
from shared.runner.knowledge import passages_for
from shared.runner.request import Equipped
from shared.runner.workflow import Place, ids_of, told_workflow


def background_of(
    job: Job,
    equipped: Equipped,
    principal: Principal,
    summary: str | None,
    pictures: Pictures,
    history: Sequence[Message],
) -> Background:
    """For the next thing that this turn asks the model. `summary`: of what it does not remember in
    its words, which `history` is."""
    brought = job.body.get("brought", {})
    return Background(
        passages=passages_for(
            equipped.knowledge, str(job.payload["message"]), principal, equipped.top_k
        ),
        workflow=_workflow(job, equipped),
        summary=summary,
        attached=brought,
        pictures=pictures.of(job.key, history, brought),
    )


def _workflow(job: Job, equipped: Equipped) -> str | None:
    """Where in its workflow the conversation was when this turn was loaded."""
    if equipped.workflow is None:
        return None
    kept = job.attrs["meta"].get("workflow")
    return told_workflow(equipped.workflow, Place.of(ids_of(equipped.workflow), kept))
