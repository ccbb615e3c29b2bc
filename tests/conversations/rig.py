"""What a test asks about a conversation of a scene."""

from typing import Any

from shared.conversations.items import box_key, meta_key, session_key
from shared.mailbox.box import Box, BoxKey
from tests.wire.scene import Scene


def box(scene: Scene, session: str) -> BoxKey:
    item = scene.deployment.table.get([session_key(session)])[0]
    assert item is not None
    assert item.body is not None
    return box_key("local", item.body["conversation"])


def count(scene: Scene, session: str) -> int:
    item = scene.deployment.table.get([meta_key(box(scene, session))])[0]
    assert item is not None
    return int(item.attrs["count"])


def at_rest(scene: Scene, session: str) -> bool:
    key = box(scene, session)
    item = scene.deployment.table.get([key.item])[0]
    assert item is not None
    state = Box.read(key, item)
    return (state.jobs, state.owner, state.due) == ((), None, None)


def text_of(event: Any) -> str:
    return "".join(event["data"]["data"]["response"]["responseParts"])


def streamed(scene: Scene, request_id: str = "r1") -> str:
    events = scene.events("c1", request_id)
    return "".join(event["token"] for event in events if event["type"] == "stream_token")
