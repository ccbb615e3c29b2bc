"""Mistakes in `tools` and in what goes with them."""

from tests.backends.mistakes.made import GOOD, Mistake, python

IN_TOOLS = [
    Mistake(
        "tools that are nothing",
        GOOD + "tools:\n",
        3,
        '"tools" must be a list; there is nothing: fill it in, or remove the field.',
    ),
    Mistake(
        "tools that are an object",
        GOOD + "tools:\n  python: orders:find\n",
        3,
        '"tools" must be a list; begin each entry with -.',
    ),
    Mistake(
        "a tool that is a text",
        GOOD + "tools:\n  - orders:find\n",
        4,
        '"tools.0" must be an object such as {python: orders:find_order}.',
    ),
    Mistake(
        "a tool of no kind",
        GOOD + "tools:\n  - name: find\n",
        4,
        '"tools.0" must have exactly one of python, http, lambda and builtin, or name a resource.',
    ),
    Mistake(
        "a tool of two kinds",
        python("lambda: {function: f}"),
        4,
        '"tools.0" must have exactly one of python, http, lambda and builtin, or name a resource.',
    ),
    Mistake(
        "a misspelt kind",
        GOOD + "tools:\n  - pyhton: orders:find\n",
        4,
        '"tools.0.pyhton" is not a known field; did you mean "python"? If not, remove it.',
    ),
    Mistake(
        "the kind as code has it",
        GOOD + "tools:\n  - lambda_: {function: f}\n",
        4,
        '"tools.0.lambda_" is not a known field; did you mean "lambda"? If not, remove it.',
    ),
    Mistake(
        "too many tools",
        GOOD + "tools: [" + "{python: a:b}, " * 65 + "]\n",
        3,
        '"tools" may have at most 64 entries; remove some.',
    ),
    Mistake(
        "Python without a function",
        GOOD + "tools:\n  - python: orders\n",
        4,
        '"tools.0.python" must be module:function, such as orders:find_order, of up to '
        "256 characters.",
    ),
    Mistake(
        "Python that is not there",
        GOOD + "tools:\n  - python: shop:find\n",
        4,
        '"tools.0.python" names the file shop.py, which is not beside the agents.',
    ),
    Mistake(
        "a function that is not there",
        GOOD + "tools:\n  - python: orders:seek\n",
        4,
        '"tools.0.python" names the function "seek", which orders.py does not have.',
    ),
    Mistake(
        "two tools of one name",
        python() + "  - python: orders:find\n",
        5,
        '"tools.1" has the name "find" as tools.0 has; change one of them.',
    ),
    Mistake(
        "a tool with a bad name",
        python("name: find it"),
        5,
        '"tools.0.name" must be up to 64 letters, digits, _ and -.',
    ),
    Mistake(
        "a tool with the name of a built-in one",
        python("name: request_choices"),
        4,
        '"tools.0" has the name "request_choices", which is that of a built-in tool; '
        "give it another name.",
    ),
    Mistake(
        "a description that is empty",
        python("description: ''"),
        5,
        '"tools.0.description" may not be empty.',
    ),
    Mistake(
        "a description that is too long",
        python(f"description: {'x' * 4097}"),
        5,
        '"tools.0.description" may have at most 4096 characters; shorten it.',
    ),
    Mistake(
        "parameters of Python",
        python("parameters: {type: object}"),
        4,
        '"tools.0" must leave parameters out: they come from the Python function.',
    ),
    Mistake(
        "repeatable perhaps",
        python("repeatable: maybe"),
        5,
        '"tools.0.repeatable" must be true or false, without quotes.',
    ),
    Mistake(
        "parallel perhaps", python("parallel: 1"), 5, '"tools.0.parallel" must be true or false.'
    ),
    Mistake("no time", python("timeout_sec: 0"), 5, '"tools.0.timeout_sec" must be more than 0.'),
    Mistake(
        "too much time", python("timeout_sec: 901"), 5, '"tools.0.timeout_sec" must be at most 900.'
    ),
    Mistake(
        "time that is yes", python("timeout_sec: yes"), 5, '"tools.0.timeout_sec" must be a number.'
    ),
    Mistake(
        "verified by a text",
        python("verified: email"),
        5,
        '"tools.0.verified" must be true or false, without quotes.',
    ),
    Mistake(
        "approval that is yes",
        python("approval: yes"),
        5,
        '"tools.0.approval" must be required, or {required: true} with timeout_sec and '
        "roles; leave it out where nobody has to approve.",
    ),
    Mistake(
        "approval without required",
        python("approval:", "  roles: [admin]"),
        5,
        '"tools.0.approval.required" is missing; add it.',
    ),
    Mistake(
        "approval with a misspelt field",
        python("approval:", "  required: true", "  role: admin"),
        7,
        '"tools.0.approval.role" is not a known field; did you mean "roles"? If not, remove it.',
    ),
    Mistake(
        "approval for too long",
        python("approval:", "  required: true", "  timeout_sec: 2592001"),
        7,
        '"tools.0.approval.timeout_sec" must be at most 30 days (2592000), in seconds.',
    ),
    Mistake(
        "approval by nobody",
        python("approval:", "  required: true", "  roles: []"),
        7,
        '"tools.0.approval.roles" must name at least one role; leave it out where the '
        "user decides.",
    ),
    Mistake(
        "approval by a number",
        python("approval:", "  required: true", "  roles:", "    - admin", "    - 5"),
        9,
        '"tools.0.approval.roles.1" must be a text; put it in quotes.',
    ),
    Mistake(
        "approval that is none and lasts",
        python("approval: {required: false, timeout_sec: 5}"),
        5,
        '"tools.0.approval" must have nothing beside required: false; remove it.',
    ),
]
