"""What a model is told of pictures and files."""

from typing import Any

import pytest

from shared.identity.principal import Principal
from shared.runner.background import Background
from shared.runner.history import IMAGE_TOKENS, estimate_tokens
from shared.runner.pictures import MAX_BYTES, Picture, kind_of
from shared.runner.request import TurnRequest, model_request
from shared.tools.file_tools import file_tools
from tests.support.clock import FakeClock
from tests.support.pictures import chunk, png

GIF = Picture("image/gif", "R0lGODlh", 6)
BLOCK = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/gif", "data": "R0lGODlh"},
}


def messages(message: str, attached: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    request = TurnRequest(
        access=Principal("t", "u", frozenset()),
        instructions="Help.",
        model="m",
        max_tokens=10,
        message=message,
        background=Background(attached=attached, pictures={"a.gif": GIF}),
        **more,
    )
    return [dict(each) for each in model_request(request).messages]


def image(name: str) -> dict[str, Any]:
    return {"images": [{"file": name, "media_type": "image/gif"}]}


def test_a_picture_stands_before_the_words() -> None:
    [asked] = messages("What?", image("a.gif"))
    assert asked["content"] == [BLOCK, {"type": "text", "text": "What?"}]


def test_what_is_not_shown_is_named() -> None:
    [asked] = messages("What?", {**image('b".gif'), "failed": ["Gone."]})
    assert asked["content"] == ('[Pictures that are not shown here: "b\\".gif"]\n[Gone.]\n\nWhat?')


def test_files_are_named_with_what_can_be_done_about_them() -> None:
    tools = file_tools(None, FakeClock(), ["read_file"])  # type: ignore[arg-type]  # never run
    files = {"files": ["a.txt", "b.pdf"]}
    [read] = messages("Hi", files, tools=tools)
    assert read["content"].startswith("[The user attached files. read_file reads those that are")
    [unread] = messages("Hi", files)
    assert unread["content"] == (
        '[The user attached files, which you cannot open: "a.txt", "b.pdf"]\n\nHi'
    )


def test_a_conversation_may_begin_with_a_picture_and_no_words() -> None:
    history = [{"role": "user", "text": "", **image("a.gif")}, {"role": "assistant", "text": "Ah."}]
    first, answer, _ = messages("And?", {}, history=history)
    assert first["content"][0] == BLOCK
    assert first["content"][1]["text"] == "[The user sent this without words.]"
    assert answer == {"role": "assistant", "content": "Ah."}


def test_a_question_may_be_answered_with_a_picture() -> None:
    call = {
        "type": "tool_use",
        "id": "t1",
        "name": "request_user_input",
        "input": {"question": "?"},
    }
    history = [
        {"role": "user", "text": "Hi"},
        {"role": "assistant", "content": [call], "said": ""},
        {"role": "assistant", "text": "?", "said": "", "asks": "?"},
    ]
    *_, answer = messages(
        "", image("a.gif"), history=history, builtins=frozenset({"request_user_input"})
    )
    assert answer["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "content": "[The user sent this without words.]",
        },
        BLOCK,
    ]


def test_a_picture_costs_its_tokens() -> None:
    plain = {"role": "user", "text": "Hi"}
    assert estimate_tokens({**plain, **image("a")}) == estimate_tokens(plain) + IMAGE_TOKENS


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"<svg>", None),
        (b"BM", None),
        (b"", None),
    ],
)
def test_pictures_are_known_by_their_content(content: bytes, kind: str | None) -> None:
    assert kind_of(content) == kind


def test_a_picture_has_a_limit() -> None:
    room = MAX_BYTES - len(png()) - 12
    assert Picture.of(png(more=chunk(b"tEXt", bytes(room)))) is not None
    assert Picture.of(png(more=chunk(b"tEXt", bytes(room + 1)))) is None
