"""How documents are cut into pieces."""

from hypothesis import given
from hypothesis import strategies as st

from shared.knowledge.chunks import LARGEST, MAX_HEADING, SIZE, chunks


def told(text: str) -> list[str]:
    return [each.told for each in chunks(text)]


def test_a_piece_has_the_headings_above_it() -> None:
    text = "Intro.\n\n# A\n\nOne.\n\n## B ##\n\nTwo.\n\nThree.\n\n# C\n\nFour."
    assert told(text) == ["Intro.", "A\n\nOne.", "A > B\n\nTwo.\n\nThree.", "C\n\nFour."]


def test_a_heading_with_nothing_below_it_is_a_piece() -> None:
    assert told("# A\n\n## B\n\nOne.\n\n# C\n\n# D") == ["A > B\n\nOne.", "C", "D"]


def test_paragraphs_go_together_while_they_fit() -> None:
    paragraph = "word " * (SIZE // 15)
    found = told("\n\n".join([paragraph] * 6))
    assert len(found) == 2
    assert all(len(each) <= SIZE + 10 for each in found)


def test_a_hash_in_code_is_no_heading_and_code_stays_whole() -> None:
    code = "```sh\n# not a heading\n\n" + "run --this\n" * 150 + "```"
    assert len(code) > SIZE
    found = told(f"# Real\n\nBefore.\n\n{code}\n\nAfter.")
    assert [each for each in found if "# not a heading" in each] == [f"Real\n\n{code}"]


def test_code_that_is_never_closed_goes_to_the_end() -> None:
    assert told("~~~\n# code\n```\n\nmore") == ["~~~\n# code\n```\n\nmore"]


def test_inline_code_begins_no_block() -> None:
    assert told("```x``` is code.\n\n# A\n\nB.") == ["```x``` is code.", "A\n\nB."]


def test_very_large_code_is_cut_between_lines() -> None:
    found = told("```\n" + "0123456789\n" * 1000 + "```")
    assert len(found) > 1
    assert all(set(each.split("\n")) <= {"```", "0123456789"} for each in found)


@given(st.text(alphabet="ab #`~.\n", max_size=400) | st.text(max_size=200), st.integers(1, 60))
def test_nothing_is_lost_and_no_piece_is_too_large(text: str, times: int) -> None:
    found = list(chunks(text * times))
    assert all(len(each.text) <= LARGEST and each.told for each in found)
    assert all(len(heading) <= MAX_HEADING for each in found for heading in each.headings)
    said = "".join(each.told for each in found)
    kept = {each for each in said if not each.isspace()}
    assert {each for each in text if each.isalnum()} <= kept | set("#")
