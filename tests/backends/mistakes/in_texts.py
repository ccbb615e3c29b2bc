"""Texts, numbers and marks that YAML takes for something else than was meant."""

from tests.backends.mistakes.made import FIELDS, GOOD, Mistake

IN_TEXTS = [
    Mistake(
        "a colon in a text",
        "name: Support: Orders\ninstructions: Help.\n",
        1,
        "a colon cannot stand here; put a text that has one in quotes, or check the indentation.",
    ),
    Mistake(
        "a quote never closed",
        GOOD + "greeting: 'Hello\nmax_tokens: 5\n",
        3,
        "the quote that opens here is never closed, or too far on; put one behind the text.",
    ),
    Mistake(
        "a double quote never closed",
        GOOD + 'greeting: "Hello\nmax_tokens: 5\n',
        3,
        "the quote that opens here is never closed, or too far on; put one behind the text.",
    ),
    Mistake(
        "a quote closed by the next one",
        GOOD + 'greeting: "Hello\nlanguage: "de"\n',
        4,
        "something here does not belong to the value; put all of a text in one pair of quotes, "
        "and check that each quote, [ and { before it is closed.",
    ),
    Mistake(
        "quotes around a part of a text",
        GOOD + 'greeting: "Hello", she said\n',
        3,
        "something here does not belong to the value; put all of a text in one pair of quotes, "
        "and check that each quote, [ and { before it is closed.",
    ),
    Mistake(
        "a backslash in double quotes",
        GOOD + 'greeting: "\\d"\n',
        3,
        "a \\ in double quotes must begin something such as \\n; write \\\\, or use single quotes.",
    ),
    Mistake(
        "an escape that is no character",
        GOOD + 'greeting: "\\UFFFFFFFF"\n',
        3,
        "an escape that stands for no character; write \\\\, or use single quotes.",
    ),
    Mistake(
        "half of a surrogate pair",
        GOOD + 'greeting: "\\uD800"\n',
        3,
        '"greeting" has half of a surrogate pair in it; write whole characters.',
    ),
    Mistake(
        "a list never closed",
        GOOD + "skills: [tone, brief\nmax_tokens: 5\n",
        3,
        "the list that opens here with [ is never closed, or lacks a comma; put texts "
        "with a [ or a comma in them in quotes.",
    ),
    Mistake(
        "a list closed that was not opened",
        GOOD + "skills: tone, brief]\n",
        3,
        '"skills" must be a list, such as [a, b], even of one.',
    ),
    Mistake(
        "an object never closed",
        GOOD + "limits: {turn_seconds: 5\nmax_tokens: 5\n",
        3,
        "the object that opens here with { is never closed, or lacks a comma; put "
        "texts with a { or a comma in them in quotes.",
    ),
    Mistake(
        "a comma too many",
        GOOD + "skills: [tone, , brief]\n",
        3,
        "a value is missing here; remove a comma that is too many, and put a text that begins with "
        "a mark such as , in quotes.",
    ),
    Mistake(
        "a text that begins with a comma",
        GOOD + "greeting: , hello\n",
        3,
        "a value is missing here; remove a comma that is too many, and put a text that begins with "
        "a mark such as , in quotes.",
    ),
    Mistake(
        "a text that begins with a brace",
        GOOD + "greeting: {{name}}, hello\n",
        3,
        "something here does not belong to the value; put all of a text in one pair of quotes, "
        "and check that each quote, [ and { before it is closed.",
    ),
    Mistake(
        "a text that is in braces",
        GOOD + "greeting: {{name}}\n",
        3,
        "the name of a field must be a text; put a text that begins with { or [ in quotes.",
    ),
    Mistake(
        "a pattern that begins with a star",
        GOOD + "origins: [*.example.com]\n",
        3,
        "a text that begins with * must be in quotes.",
    ),
    Mistake(
        "an alias",
        "name: Support\ninstructions: *help\n",
        2,
        "aliases are not supported; put a text that begins with * in quotes.",
    ),
    Mistake(
        "an anchor",
        "name: &support Support\ninstructions: Help.\n",
        1,
        "anchors are not supported; put a text that begins with & in quotes.",
    ),
    Mistake(
        "a tag of YAML",
        "name: !!str 5\ninstructions: Help.\n",
        1,
        "tags are not supported; put a text that begins with ! in quotes.",
    ),
    Mistake(
        "a tag of Python",
        "name: Support\ninstructions: !!python/object/apply:os.system [ls]\n",
        2,
        "tags are not supported; put a text that begins with ! in quotes.",
    ),
    Mistake(
        "a text that begins with an at sign",
        GOOD + "greeting: @you\n",
        3,
        "a text that begins with @ must be in quotes.",
    ),
    Mistake(
        "a text that begins with a percent sign",
        GOOD + "greeting: %s\n",
        3,
        "a text that begins with % must be in quotes.",
    ),
    Mistake(
        "a name that is an object",
        GOOD + "? {a: b}\n: c\n",
        3,
        "the name of a field must be a text; put a text that begins with { or [ in quotes.",
    ),
    Mistake(
        "fields merged into others",
        GOOD + "<<: {max_tokens: 5}\n",
        3,
        f'"<<" is not a known field; the fields are {FIELDS}.',
    ),
    Mistake(
        "a character that is none",
        "name: Support\ninstructions: \x07\n",
        2,
        "a character that YAML does not allow; remove it.",
    ),
    Mistake("not UTF-8", b"name: Support\ninstructions: caf\xe9\n", 2, "is not UTF-8."),
    Mistake("UTF-16", GOOD.encode("utf-16"), 1, "is not UTF-8."),
    Mistake(
        "nested too deeply",
        GOOD + "skills:\n  " + "[" * 65 + "]" * 65 + "\n",
        4,
        "what stands here is nested more than 64 levels deep.",
    ),
    Mistake("a file that is too long", GOOD + "#" * 262144, None, "larger than 256 KB."),
    Mistake(
        "a text that is a date",
        "name: 2026-01-31\ninstructions: Help.\n",
        1,
        '"name" must be a text; put it in quotes.',
    ),
    Mistake(
        "a date that does not exist",
        GOOD + "greeting: 2026-02-30\n",
        3,
        "a date that does not exist; if it is a text, put it in quotes; if not, write "
        "it in another way.",
    ),
    Mistake(
        "a text that is a number",
        "name: 42\ninstructions: Help.\n",
        1,
        '"name" must be a text; put it in quotes.',
    ),
    Mistake(
        "a number of base eight",
        GOOD + "max_tokens: 0100\n",
        3,
        "YAML reads 0100 as another number; if it is a text, put it in quotes; if not, "
        "write it in another way.",
    ),
    Mistake(
        "a number of base sixty",
        GOOD + "greeting: 12:30\n",
        3,
        "YAML reads 12:30 as another number; if it is a text, put it in quotes; if "
        "not, write it in another way.",
    ),
    Mistake(
        "a number that is none",
        GOOD + "max_tokens: 0x_\n",
        3,
        "a bad number; if it is a text, put it in quotes; if not, write it in another way.",
    ),
    Mistake(
        "a text that is yes",
        "name: yes\ninstructions: Help.\n",
        1,
        '"name" must be a text, but yes, no, on, off, true and false are none; put it in quotes.',
    ),
    Mistake(
        "a language that is no",
        GOOD + "language: no\n",
        3,
        '"language" must be a text, but yes, no, on, off, true and false are none; put '
        "it in quotes.",
    ),
    Mistake(
        "a name of a field that is yes",
        GOOD + "yes: 5\n",
        3,
        f'"yes" is not a known field; the fields are {FIELDS}.',
    ),
]
