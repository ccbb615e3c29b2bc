"""Mistakes in the fields of an agent but for its tools."""

from tests.backends.mistakes.made import FIELDS, GOOD, NO_VARIABLE, Mistake

IN_FIELDS = [
    Mistake("no name", "instructions: Help.\n", 1, '"name" is missing; add it.'),
    Mistake("no instructions", "name: Support\n", 1, '"instructions" is missing; add it.'),
    Mistake(
        "a name that is empty",
        "name:\ninstructions: Help.\n",
        1,
        '"name" must be a text; there is nothing: fill it in, or remove the field.',
    ),
    Mistake(
        "a name that is blank", 'name: " "\ninstructions: Help.\n', 1, '"name" may not be blank.'
    ),
    Mistake(
        "a name that is too long",
        f"name: {'x' * 129}\ninstructions: Help.\n",
        1,
        '"name" may have at most 128 characters; shorten it.',
    ),
    Mistake(
        "instructions that are too long",
        "name: Support\ninstructions: " + "x" * 200_001 + "\n",
        2,
        '"instructions" may have at most 200000 characters; shorten it.',
    ),
    Mistake(
        "instructions that are a list",
        "name: Support\ninstructions:\n  - Help.\n",
        2,
        '"instructions" must be a text, not a list; put a text that begins with [ in quotes.',
    ),
    Mistake(
        "an unknown field",
        GOOD + "\ncolour: red\n",
        4,
        f'"colour" is not a known field; the fields are {FIELDS}.',
    ),
    Mistake(
        "a misspelt field",
        GOOD + "max_token: 5\n",
        3,
        '"max_token" is not a known field; did you mean "max_tokens"? If not, remove it.',
    ),
    Mistake(
        "a field in capitals",
        GOOD + "maxTokens: 5\n",
        3,
        '"maxTokens" is not a known field; did you mean "max_tokens"? If not, remove it.',
    ),
    Mistake(
        "an id in the file",
        GOOD + "id: support\n",
        3,
        f'"id" is not a known field; the fields are {FIELDS}.',
    ),
    Mistake(
        "a model that is a number",
        GOOD + "model: 5\n",
        3,
        '"model" must be a text; put it in quotes.',
    ),
    Mistake("a model that is blank", GOOD + 'model: ""\n', 3, '"model" may not be blank.'),
    Mistake(
        "allowed models that are a text",
        GOOD + "models_allowed: claude-haiku-4-5\n",
        3,
        '"models_allowed" must be a list, such as [a, b], even of one.',
    ),
    Mistake(
        "an allowed model that is blank",
        GOOD + "models_allowed:\n  - a\n  - ''\n",
        5,
        '"models_allowed.1" may not be blank.',
    ),
    Mistake(
        "too many allowed models",
        GOOD + "models_allowed: [" + "m, " * 33 + "]\n",
        3,
        '"models_allowed" may have at most 32 entries; remove some.',
    ),
    Mistake("no tokens", GOOD + "max_tokens: 0\n", 3, '"max_tokens" must be at least 1.'),
    Mistake(
        "too many tokens", GOOD + "max_tokens: 64001\n", 3, '"max_tokens" must be at most 64000.'
    ),
    Mistake(
        "tokens in words",
        GOOD + "max_tokens: many\n",
        3,
        '"max_tokens" must be a whole number, in digits and without quotes.',
    ),
    Mistake("half a token", GOOD + "max_tokens: 1.5\n", 3, '"max_tokens" must be a whole number.'),
    Mistake(
        "tokens in quotes",
        GOOD + 'max_tokens: "4096"\n',
        3,
        '"max_tokens" must be a whole number, in digits and without quotes.',
    ),
    Mistake(
        "no iterations", GOOD + "max_iterations: 0\n", 3, '"max_iterations" must be at least 1.'
    ),
    Mistake(
        "too many iterations",
        GOOD + "max_iterations: 65\n",
        3,
        '"max_iterations" must be at most 64.',
    ),
    Mistake(
        "thinking a little",
        GOOD + "thinking: 5\n",
        3,
        '"thinking" must be adaptive, or a number of tokens from 1024 on.',
    ),
    Mistake(
        "thinking hard",
        GOOD + "thinking: hard\n",
        3,
        '"thinking" must be adaptive, or a number of tokens from 1024 on.',
    ),
    Mistake(
        "thinking more than all",
        GOOD + "max_tokens: 2000\nthinking: 2000\n",
        4,
        '"thinking" must be less than max_tokens, of which it is a part.',
    ),
    Mistake("a greeting that is blank", GOOD + "greeting: ''\n", 3, '"greeting" may not be blank.'),
    Mistake(
        "a greeting that is too long",
        GOOD + f"greeting: {'x' * 10_001}\n",
        3,
        '"greeting" may have at most 10000 characters; shorten it.',
    ),
    Mistake(
        "a language in words",
        GOOD + "language: English (UK)\n",
        3,
        '"language" must be the tag of a language, such as de or pt-BR.',
    ),
    Mistake(
        "overrides that are a text",
        GOOD + "overrides: greeting\n",
        3,
        '"overrides" must be a list, such as [a, b], even of one.',
    ),
    Mistake(
        "an override of what is fixed",
        GOOD + "overrides:\n  - greeting\n  - tools\n",
        5,
        '"overrides.1" has "tools", which no session can replace; there are greeting, language, '
        "instructions, model.",
    ),
    Mistake(
        "an override that is a list",
        GOOD + "overrides:\n  - [greeting]\n",
        4,
        '"overrides.0" must be the name of a field that a session may replace; there are greeting, '
        "language, instructions, model.",
    ),
    Mistake(
        "a variable in instructions that the service does not give",
        "name: Support\ninstructions: |\n  Help.\n  It is {{ system__now }}.\n",
        2,
        f'"instructions" has {{{{system__now}}}}, {NO_VARIABLE}.',
    ),
    Mistake(
        "a variable in a greeting that the service does not give",
        GOOD + "greeting: Hello {{system__user}} {{system__foo}} {{name}}!\n",
        3,
        f'"greeting" has {{{{system__foo}}}}, {NO_VARIABLE}.',
    ),
    Mistake(
        "more places for variables than a prompt has room to fill",
        "name: Support\ninstructions: '" + "{{a}}" * 201 + "'\n",
        2,
        '"instructions" has 201 places for variables; it may have 200.',
    ),
    Mistake(
        "an override twice",
        GOOD + "overrides:\n  - greeting\n  - language\n  - greeting\n",
        6,
        '"overrides.2" names "greeting" a second time; remove one.',
    ),
    Mistake(
        "an origin without https",
        GOOD + "origins:\n  - https://a.example\n  - shop.example.com\n",
        5,
        '"origins.1" must be origins such as https://shop.example.com or '
        "https://*.example.com, without a path.",
    ),
    Mistake(
        "too many origins",
        GOOD + "origins: [" + "https://a.example, " * 101 + "]\n",
        3,
        '"origins" may have at most 100 entries; remove some.',
    ),
    Mistake(
        "a skill with a path",
        GOOD + "skills:\n  - ../tone\n",
        4,
        '"skills.0" must be the name of a skill: up to 128 letters, digits, _ and -.',
    ),
    Mistake(
        "a skill twice",
        GOOD + "skills:\n  - tone\n  - tone\n",
        5,
        '"skills.1" names "tone" a second time; remove one.',
    ),
    Mistake(
        "a skill with a variable that the service does not give",
        GOOD + "skills:\n  - tone\n  - hurry\n",
        5,
        '"skills.1" names a skill that is not valid: skills/hurry.md in the library (LIBRARY_DIR) '
        f"has {{{{system__now}}}}, {NO_VARIABLE}.",
    ),
    Mistake(
        "a skill without a file",
        GOOD + "skills: [nowhere]\n",
        3,
        '"skills.0" names a skill without a file; add skills/nowhere.md in the library '
        "(LIBRARY_DIR).",
    ),
    Mistake(
        "suggested replies that are a text",
        GOOD + 'suggested_replies: "true"\n',
        3,
        '"suggested_replies" must be true or false, without quotes.',
    ),
    Mistake(
        "shared conversations that are a number",
        GOOD + "shared_conversations: 1\n",
        3,
        '"shared_conversations" must be true or false.',
    ),
]
