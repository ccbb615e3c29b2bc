"""What others wrote, made safe for a terminal."""

_ALLOWED = "\n\t"
_UNSAFE: dict[int, str | None] = {
    **{code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _ALLOWED},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}


def clean(text: str) -> str:
    """The text without control characters (C0, DEL, C1) but newline and tab, so that nothing in
    it moves the cursor, changes the title or answers for the keyboard. Lone surrogates, which no
    terminal can show, become U+FFFD. Cleaning pieces and cleaning the whole are the same."""
    return text.translate(_UNSAFE)


def one_line(text: str) -> str:
    """The cleaned text with every run of white space as one space."""
    return " ".join(clean(text).split())
