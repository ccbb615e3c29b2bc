"""What a turn of a conversation is given beside what was said."""

import logging
from collections.abc import Sequence

from shared.identity.principal import Principal
from shared.knowledge.port import KnowledgeUnavailable, Passage, Reader
from shared.mailbox.box import Job
from shared.runner.background import Background
from shared.runner.request import Equipped

log = logging.getLogger("parley")


def background_of(job: Job, equipped: Equipped, principal: Principal) -> Background:
    """For the next thing that this turn asks the model."""
    return Background(passages=_passages(job, equipped, principal))


def _passages(job: Job, equipped: Equipped, principal: Principal) -> Sequence[Passage]:
    """What fits the message. Without it the turn goes on: the agent can still search by itself."""
    if equipped.knowledge is None or not equipped.top_k:
        return ()
    reader = Reader(tenant=principal.tenant, user=principal.user, groups=principal.groups)
    message = str(job.payload["message"])
    try:
        return equipped.knowledge.search(message, reader=reader, limit=equipped.top_k)
    except KnowledgeUnavailable:
        log.warning("knowledge unavailable", exc_info=True)
        return ()
