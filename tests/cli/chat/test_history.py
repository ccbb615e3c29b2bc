"""What was typed before, kept between runs."""

import stat
from pathlib import Path

from prompt_toolkit.history import InMemoryHistory

from shared.cli.chat.history import KEPT, history


def entries(folder: Path) -> list[str]:
    """The newest first."""
    return list(history(folder).load_history_strings())


def test_it_is_kept_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "parley"
    past = history(folder)
    for line in ("one", "two\nlines", "drei ü"):
        past.store_string(line)

    assert entries(folder) == ["drei ü", "two\nlines", "one"]
    assert stat.S_IMODE((folder / "history").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    past = history(tmp_path)
    for number in range(2 * KEPT + 1):
        past.store_string(str(number))

    assert entries(tmp_path)[0] == str(2 * KEPT)
    assert len((tmp_path / "history").read_text().splitlines()) == KEPT
    assert stat.S_IMODE((tmp_path / "history").stat().st_mode) == 0o600


def test_a_damaged_line_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "history").write_bytes(b'"one"\n{"x": 1}\nno json\n"two\xff"\n"three"\n')

    assert entries(tmp_path) == ["three", "two\ufffd", "one"]


def test_where_nothing_can_be_written_it_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    assert isinstance(history(tmp_path / "file"), InMemoryHistory)


def test_a_file_that_goes_away_is_no_reason_to_stop(tmp_path: Path) -> None:
    past = history(tmp_path / "parley")
    (tmp_path / "parley" / "history").unlink()
    (tmp_path / "parley").rmdir()
    past.store_string("one")

    assert list(past.load_history_strings()) == []
