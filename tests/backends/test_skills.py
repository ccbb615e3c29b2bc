"""Skills: what is read of their files, and what is said about files that are not valid."""

import os
from pathlib import Path

import pytest

from shared.backends.skills import MAX_BYTES, SkillFault, Skills

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    found = tmp_path / "library"
    (found / "skills").mkdir(parents=True)
    return found


def write(library: Path, text: str | bytes) -> Skills:
    path = library / "skills" / "tone.md"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Skills(library)


@pytest.mark.parametrize(
    ("file", "text", "description"),
    [
        ("Be kind.\n", "Be kind.", None),
        ("---\ndescription: Kind words.\n---\n\n# Tone\n\nBe kind.\n", "# Tone\n\nBe kind.",
         "Kind words."),
        ("---\r\ndescription: K\r\n---\r\nBe.\r\n", "Be.", "K"),
        ("\ufeff---\n---\nBe.", "Be.", None),
        ("Be {{system__user}} {{x}}.", "Be {{system__user}} {{x}}.", None),
        ("---\n# nothing\n---\nBe.", "Be.", None),
        ("Be.\n\n---\n\nKind.\n---\n", "Be.\n\n---\n\nKind.\n---", None),
        ("---\nnot closed", "---\nnot closed", None),
    ],
)  # fmt: skip
def test_text_and_description(library: Path, file: str, text: str, description: str | None) -> None:
    skills = write(library, file)
    assert skills.text("tone") == text
    assert skills.get("tone").description == description


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("", "skills/tone.md in the library (LIBRARY_DIR) has no text"),
        ("---\ndescription: x\n---\n \n", "has no text"),
        ("x" * (MAX_BYTES + 1), "is larger than 64 KB"),
        (b"\xff", "is not UTF-8"),
        ("---\n- a\n---\nBe.", "may have only a description in its front matter"),
        ("---\ndescription: x\ntitle: y\n---\nBe.", "may have only a description"),
        ("---\ndescription: 5\n---\nBe.", "must have a description of 1 to 1024 characters"),
        ("---\ndescription: ' '\n---\nBe.", "must have a description of 1 to 1024 characters"),
        (f"---\ndescription: {'x' * 1025}\n---\nBe.", "must have a description of 1 to 1024"),
        ("---\ndescription: a\ndescription: b\n---\nBe.", "is not valid in line 3: "),
        (
            "Be {{system__foo}}.",
            "(LIBRARY_DIR) has {{system__foo}}, which is no variable; of those",
        ),
    ],
)
def test_what_is_wrong_is_said(library: Path, file: str | bytes, said: str) -> None:
    with pytest.raises(SkillFault) as caught:
        write(library, file).text("tone")
    assert said in str(caught.value)
    assert str(library) not in str(caught.value)


def test_a_skill_without_a_file(library: Path) -> None:
    with pytest.raises(SkillFault, match="names a skill without a file; add skills/nowhere"):
        Skills(library).text("nowhere")


def test_a_file_that_cannot_be_read(library: Path) -> None:
    (library / "skills" / "tone.md").mkdir()
    with pytest.raises(SkillFault, match="cannot be read"):
        Skills(library).text("tone")


def test_files_are_read_again_when_they_change(library: Path) -> None:
    skills = write(library, "Be kind.")
    assert skills.get("tone") is skills.get("tone")
    path = library / "skills" / "tone.md"
    path.write_text("Be nice.")
    os.utime(path, ns=(1, 1))
    assert skills.text("tone") == "Be nice."


def test_the_skills_that_come_with_parley() -> None:
    skills = Skills(ROOT / "library")
    names = [path.stem for path in (ROOT / "library" / "skills").glob("*.md")]
    assert len(names) >= 3
    for name in names:
        assert skills.get(name).description
        assert len(skills.text(name)) > 200
