"""Ids that become a step of a path or a part of a key: whatever is accepted stays just that."""

import ntpath
import posixpath
import unicodedata
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.mailbox.box import key_part
from shared.protocol.names import MAX_ID, checked_id
from shared.storage.artifacts import check_name

NEAR = st.text(
    st.sampled_from("aZ09_.-/\\:~ \x00%#\u0130\uff0e\u2024\ud800") | st.sampled_from("conulpt1"),
    max_size=12,
)


def accepted(text: str) -> bool:
    try:
        return checked_id(text) == text
    except ValueError:
        return False


def is_device(name: str) -> bool:
    """What Python knows of it; how that is asked for depends on its version."""
    asked = getattr(ntpath, "isreserved", None)
    return bool(asked(name) if asked else PureWindowsPath(name).is_reserved())


@pytest.mark.parametrize(
    "text",
    [
        *("a", "0", "assistant", "Support", "a.b-c_d", "a..b", "v1.2", "x" * MAX_ID, "a-", "a_"),
        *("console", "nullable", "auxiliary", "a.con", "com", "com10", "lpt", "nu.l", "con-a"),
        *("6f1d7c52-8f0b-5d1c-9c7e-2b6a4d0e9a11", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_these_are_ids(text: str) -> None:
    assert checked_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "..", "...", "/", "\\", "a/b", "a\\b", "../a", "a/..", "/etc/passwd", "./a"),
        *("..\\a", "C:", "C:a", "C:\\a", "\\\\host\\share", "~", "~root", "a:b", "a\x00", "\x00"),
        *(".hidden", "-a", "_a", "a.", "a..", "a ", " a", "a b", "a\n", "\na", "a\t", "a\r"),
        *("%2e%2e%2fa", "a%00", "a%2fb", "a#b", "a?b", "a*", "a|b", "a<b", 'a"b', "a$", "a;b"),
        *("\u00fcmlaut", "\uff41", "a\u0301", "\u2024", "\uff0e\uff0e", "a\u2215b", "a\u200bb"),
        *("\ud800", "a\ud800", "\u0661", "x" * (MAX_ID + 1), "x" * 1_000_000),
    ],
)
def test_these_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be up to 128 letters, digits"):
        checked_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *("con", "CON", "Con", "nul", "NUL", "prn", "aux", "com1", "COM9", "com0", "lpt1", "Lpt9"),
        *("con.yaml", "nul.tar.gz", "aux.a", "COM1.txt"),
    ],
)
def test_a_device_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="name of a device"):
        checked_id(text)


@given(st.text(max_size=200) | NEAR | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,140}"))
@example("con.a.b")
@example("lpt5-")
def test_what_is_accepted_is_one_step_of_a_path_on_every_system(text: str) -> None:
    if not accepted(text):
        return
    for name in (text, f"{text}.yaml", f"{text}.md"):
        for kind, flavour in ((PurePosixPath, posixpath), (PureWindowsPath, ntpath)):
            path: PurePath = kind("folder") / name
            assert path.parent == kind("folder")
            assert path.name == name
            assert flavour.normpath(flavour.join("folder", name)) == str(path)
        assert not is_device(name)
        assert not name.startswith(".")
        assert len(name.encode()) <= 255
    assert not text.endswith((".", " "))
    assert not ntpath.splitdrive(text)[0]
    resolved = (Path.cwd() / text).resolve()
    assert resolved.parent == Path.cwd().resolve()


@given(NEAR | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", fullmatch=True))
def test_what_is_accepted_is_written_one_way_only(text: str) -> None:
    """In a key, in a URL, in the name of a file and in whatever Unicode makes of it."""
    if not accepted(text):
        return
    assert key_part(text) == text
    assert quote(text, safe="") == unquote(text) == text
    assert check_name(f"topics/{text}/shared/a.md")
    assert {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")} == {text}


def test_case_makes_two_ids_of_one_text() -> None:
    """Which a file system may take for one: whoever looks for a file goes by the listing."""
    assert checked_id("Support") != checked_id("support")
