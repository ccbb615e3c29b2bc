"""Files that are no YAML, or not built as they look."""

from tests.backends.mistakes.made import GOOD, Mistake, python

IN_YAML = [
    Mistake("an empty file", "", 1, "the file must have fields, such as name: Support."),
    Mistake("only comments", "# Support\n", 1, "the file must have fields, such as name: Support."),
    Mistake("a list", "- name: Support\n", 1, "the file must have fields, such as name: Support."),
    Mistake("a text", "Support\n", 1, "the file must have fields, such as name: Support."),
    Mistake(
        "no space behind the colon",
        "name:Support\ninstructions:Help.\n",
        1,
        "the file must have fields, such as name: Support.",
    ),
    Mistake(
        "two documents", GOOD + "---\n" + GOOD, 3, "a second document begins here; a file has one."
    ),
    Mistake(
        "a field twice", GOOD + "name: Sales\n", 3, '"name" stands here a second time; remove one.'
    ),
    Mistake(
        "a field of an entry twice",
        python("repeatable: true", "repeatable: false"),
        6,
        '"repeatable" stands here a second time; remove one.',
    ),
    Mistake(
        "a tab before a field",
        "name: Support\n\tinstructions: Help.\n",
        2,
        "a tab cannot indent; use spaces.",
    ),
    Mistake(
        "a tab before an entry",
        GOOD + "tools:\n\t- python: orders:find\n",
        4,
        "a tab cannot indent; use spaces.",
    ),
    Mistake(
        "a field indented",
        "name: Support\n instructions: Help.\n",
        2,
        "a colon cannot stand here; put a text that has one in quotes, or check the indentation.",
    ),
    Mistake(
        "the first field indented",
        "  name: Support\ninstructions: Help.\n",
        2,
        "this line does not fit those above it; indent what belongs together by as many spaces.",
    ),
    Mistake(
        "an entry indented less",
        python() + " - python: orders:find\n",
        5,
        "this line does not fit those above it; indent what belongs together by as many spaces.",
    ),
    Mistake(
        "a field of an entry indented more",
        GOOD + "tools:\n  - python: orders:find\n     repeatable: true\n",
        5,
        "a colon cannot stand here; put a text that has one in quotes, or check the indentation.",
    ),
    Mistake(
        "a field of an entry indented less",
        GOOD + "tools:\n  - python: orders:find\n   repeatable: true\n",
        5,
        "this line does not fit those above it; indent what belongs together by as many spaces.",
    ),
    Mistake(
        "a field of an entry not indented",
        GOOD + "tools:\n  - python: orders:find\nrepeatable: true\n",
        5,
        '"repeatable" is no field of an agent, but of an entry of tools; indent it if '
        "it belongs to one.",
    ),
    Mistake(
        "a text of several lines not indented",
        "name: Support\ninstructions: |\nHelp.\n",
        3,
        "this is no field; write it as name: value, or indent it if it belongs to the "
        "text above it.",
    ),
    Mistake(
        "a text in the line of its mark",
        "name: Support\ninstructions: | Help.\n",
        2,
        "nothing may follow | or > in their line; begin the text in the next one, indented.",
    ),
    Mistake(
        "a list in the line of its name",
        GOOD + "skills: - tone\n",
        3,
        "a list cannot begin here; begin it in a line below its name.",
    ),
    Mistake(
        "a line that is no field",
        GOOD + "greeting\nmax_tokens: 5\n",
        3,
        "this is no field; write it as name: value, or indent it if it belongs to the "
        "text above it.",
    ),
]
