"""What reaches the terminal: clean, rendered block by block, and the whole reply in the end."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from shared.cli.chat import events
from shared.cli.chat.clean import clean, one_line, visible
from shared.cli.chat.markdown import Rendered, split
from shared.cli.chat.replies import REWRITTEN, LiveReply, PlainReply
from shared.cli.chat.reply import remainder, uncut
from shared.cli.chat.view import View

CONTROLS = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]} - {"\n", "\t"}


def console(width: int = 60) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, height=24, force_terminal=True, color_system=None), out


def finished(text: str) -> events.Finished:
    return events.Finished(
        text=text,
        message_id="m1",
        suggestions=(),
        prompt_tokens=None,
        completion_tokens=None,
        cost_usd=None,
    )


def rendered(text: str) -> str:
    to, out = console()
    to.print(Rendered(text))
    return out.getvalue()


@given(st.text(), st.text())
def test_no_control_character_is_left_whatever_the_pieces(one: str, two: str) -> None:
    assert not CONTROLS & set(clean(one + two))
    assert clean(one) + clean(two) == clean(one + two)
    clean(one).encode()


def test_what_is_harmless_stays() -> None:
    assert clean("a\tb\nc \x1b[31möß\x07 \udc80") == "a\tb\nc [31möß \ufffd"
    assert one_line(" a\n\tb\x9b2J ") == "a b2J"


def test_what_is_hidden_is_written_out() -> None:
    assert visible(" a\n\tb\x9b2J ") == r"a b\u009b2J"
    assert (
        visible("\u202egpj.exe \u200bZoë 𝄞\U000e0041") == r"\u202egpj.exe \u200bZoë 𝄞\udb40\udc41"
    )


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\ufeff", "\x1b", "\x9b"])
def test_nothing_of_a_call_is_hidden(hidden: str) -> None:
    to, out = console(200)
    view = View(to, PlainReply(io.StringIO()), rendered=False)
    arguments = f'{{"to": "a{hidden}b"}}'
    call = {"toolCall": {"name": f"x{hidden}y", "arguments": arguments}}
    result = {"toolResult": {"name": f"x{hidden}y", "result": {f"a{hidden}b": 1}}}
    for raw in (call, result):
        for event in events.read({"type": "stream_chunk", "data": {"state": {"rawResponse": raw}}}):
            view.show(event)

    assert hidden not in out.getvalue()
    assert out.getvalue().count(rf"x\u{ord(hidden):04x}y") == 2
    assert out.getvalue().count(rf"a\u{ord(hidden):04x}b") == 2


@pytest.mark.parametrize(
    "text",
    ["&#27;[31m", "<http://x.example/%1b%5B31m>", "[a](http://x.example/%9b)", "`\x1b]0;x\x07`"],
)
def test_markdown_makes_no_control_characters(text: str) -> None:
    assert not CONTROLS & set(rendered(text))


def test_where_a_link_goes_is_written_out() -> None:
    assert "http://elsewhere.example" in rendered("[your bank](http://elsewhere.example)")


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("one", ""),
        ("one\n\n", ""),
        ("one\n\ntwo", "one\n\n"),
        ("- one\n\n  still one", ""),
        ("```\na\n\nb", ""),
        ("```\na\n\nb\n```\n\nc", "```\na\n\nb\n```\n\n"),
        ("````\n```\n\nb", ""),
        ("~~~\n```\n\nb\n~~~\n\nc", "~~~\n```\n\nb\n~~~\n\n"),
    ],
)
def test_a_block_is_finished_when_another_one_has_begun(text: str, done: str) -> None:
    assert split(text) == (done, text[len(done) :])


@pytest.mark.parametrize(
    ("shown", "whole", "left"),
    [
        ("", "all", "all"),
        ("al", "all", "l"),
        ("all", "all", ""),
        ("look.\n\nal", "look.\n\nall", "l"),
        ("look.\n\n\n\n\n\nall", "look.\n\nall", ""),
        ("look.\n\n\n\n\n\na", "look.\n\nall of it", "ll of it"),
        ("\n\nall\n", "all", ""),
        ("all \n", "all\n\n", ""),
        ("all of it", "all…", ""),
        ("look.\n\n\n\nall of it", "look.\n\nall…", ""),
        ("other", "all", None),
        ("all of it", "all", None),
        ("other", "", None),
    ],
)
def test_what_is_left_to_show(shown: str, whole: str, left: str | None) -> None:
    assert remainder(shown, whole) == left


def test_a_reply_that_was_cut_is_taken_from_the_stream() -> None:
    assert uncut("all of it", "all…") == "all of it"
    assert uncut("all", "all…") == "all…"
    assert uncut("other", "all…") == "all…"
    assert uncut("look.\n\n\n\nall of it", "look.\n\nall…") == "look.\n\n\n\nall of it"
    assert uncut("all of it", "all") == "all"


def test_a_live_reply_stands_there_once_in_the_end() -> None:
    to, out = console()
    reply = LiveReply(to)
    reply.begin()
    for piece in ("# Title\n", "\nSome **bo", "ld** text\n\n", "- a\n- b"):
        reply.token(piece)
    reply.finish("# Title\n\nSome **bold** text\n\n- a\n- b and c")

    last = out.getvalue().rsplit("\x1b[2K", 1)[-1]
    assert "• b and c" in last
    assert out.getvalue().count("Some bold text") >= 1
    assert REWRITTEN not in out.getvalue()


def test_a_live_reply_with_tools_is_not_shown_again_for_its_white_space() -> None:
    to, out = console()
    view = View(to, LiveReply(to), rendered=True)
    view.begin()
    for event in (
        events.Token("I look."),
        events.ToolCalled("find", "{}"),
        events.Token("\n\n"),
        events.Token("\n\nBoth are fine."),
        events.ToolCalled("close", "{}"),
    ):
        view.show(event)
    view.show(finished("I look.\n\nBoth are fine."))

    assert REWRITTEN not in out.getvalue()
    assert out.getvalue().rsplit("close", 1)[-1].count("fine") == 0


def test_a_long_plain_reply_with_tools_is_whole() -> None:
    said = "It is long. " * 10_000
    to, out = console()
    replies = io.StringIO()
    view = View(to, PlainReply(replies), rendered=False)
    view.begin()
    view.show(events.Token("I look."))
    view.show(events.ToolCalled("find", "{}"))
    view.show(events.ToolAnswered("find", False, "1"))
    view.show(events.Token(f"\n\n{said}"))
    view.show(finished(f"I look.\n\n{said}"[:100_000] + "…"))

    assert replies.getvalue() == f"I look.\n\n{said}\n"
    assert "find" in out.getvalue()


def test_a_reply_that_was_generated_anew_is_shown_whole() -> None:
    to, out = console()
    reply = LiveReply(to)
    reply.begin()
    reply.token("Half of something")
    reply.finish("Another reply")

    assert REWRITTEN in out.getvalue()
    assert out.getvalue().rstrip().endswith("Another reply")


def test_the_unfinished_part_never_outgrows_the_screen() -> None:
    to, out = console()
    to.print(Rendered("```\n" + "\n".join(map(str, range(100))) + "\n```", last=True))

    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert len(lines) < to.height
    assert "99" in lines
    assert "1" not in lines


def test_a_plain_reply_is_only_its_whole_text() -> None:
    out = io.StringIO()
    reply = PlainReply(out)
    reply.begin()
    reply.thought("Hm")
    reply.token("Half")
    reply.finish("All of **it**")
    reply.begin()
    reply.token("Half")
    reply.finish(None)

    assert out.getvalue() == "All of **it**\n"


@pytest.mark.parametrize("kind", ["eventual_response", "error", "stream_token", "stream_chunk"])
@pytest.mark.parametrize(
    "data",
    [None, [], "x", {"data": 1}, {"error": "x"}, {"state": {"rawResponse": {"toolCall": 1}}}]
    + [{"data": {"response": {"responseParts": 1}, "usage": {"costUsd": "x"}}}]
    + [{"data": {"response": {"responseParts": [1], "suggestedNextActions": "x"}}}],
)
def test_events_of_another_shape_do_no_harm(kind: str, data: object) -> None:
    said = events.read({"type": kind, "data": data})

    assert len(said) == (0 if kind == "stream_chunk" else 1)


def test_the_end_of_a_turn_says_what_it_rests_on() -> None:
    cited = [
        {"id": "a.md", "title": "Returns\x1b[31m\n", "url": "https://example.com/a"},
        {"id": "b.md", "title": "", "url": 1},
        {"id": "", "title": " "},
        "x",
        *({"id": f"{number}.md"} for number in range(9)),
    ]
    [end] = events.read({"type": "eventual_response", "data": {"data": {"citations": cited}}})
    assert isinstance(end, events.Finished)
    assert end.sources[:3] == ("Returns[31m https://example.com/a", "b.md", "0.md")
    assert len(end.sources) == 8

    to, out = console()
    View(to, PlainReply(io.StringIO()), rendered=False).show(end)
    assert "from Returns[31m https://example.com/a" in out.getvalue()


def test_an_event_of_no_known_type_says_nothing() -> None:
    assert events.read({}) == []
    assert events.read({"type": ["x"], "data": {}}) == []
