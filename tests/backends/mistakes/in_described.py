"""Mistakes in tools that describe themselves, in built-in ones, and in confirming."""

from tests.backends.mistakes.made import GOOD, REQUEST, Mistake, far, python, schema

IN_DESCRIBED = [
    Mistake(
        "HTTP without a description",
        GOOD + f"tools:\n  - name: far\n    {REQUEST}\n",
        4,
        '"tools.0" is missing description and parameters; add what the model is to know.',
    ),
    Mistake(
        "HTTP that is a text",
        far("http: https://example.com"),
        7,
        '"tools.0.http" must be an object such as {method: POST, url: '
        '"https://example.com/orders"}.',
    ),
    Mistake(
        "HTTP without a URL",
        far("http:", "  method: POST"),
        7,
        '"tools.0.http.url" is missing; add it.',
    ),
    Mistake(
        "a method in small letters",
        far("http:", "  url: https://example.com", "  method: post"),
        9,
        "\"tools.0.http.method\" must be 'GET', 'POST', 'PUT', 'PATCH' or 'DELETE'.",
    ),
    Mistake(
        "a URL with a host to fill in",
        far('http: {url: "https://{host}/"}'),
        7,
        '"tools.0.http" must not have {names} in the host of its url; only in path and query.',
    ),
    Mistake(
        "a URL with what is no parameter",
        far("http:", '  url: "https://example.com/{id}"'),
        7,
        '"tools.0.http" has {id} in its url, which is not among its parameters.',
    ),
    Mistake(
        "a header that is a number",
        far("http:", "  url: https://example.com", "  headers:", "    X-A: 5"),
        10,
        '"tools.0.http.headers.X-A" must be a text; put it in quotes.',
    ),
    Mistake(
        "a header with half a character",
        far("http:", "  url: https://example.com", "  headers:", '    X-A: "\\uD800"'),
        10,
        '"tools.0.http.headers.X-A" has half of a surrogate pair in it; write whole characters.',
    ),
    Mistake(
        "a header that is ours",
        far("http:", "  url: https://example.com", "  headers: {Host: a}"),
        7,
        '"tools.0.http" may not set the header Host, which is set by itself; remove it.',
    ),
    Mistake(
        "a misspelt field of HTTP",
        far("http:", "  url: https://example.com", "  timeout: 5"),
        9,
        '"tools.0.http.timeout" is not a known field; did you mean "timeout_sec"? If '
        "not, remove it.",
    ),
    Mistake(
        "HTTP for too long",
        far("http:", "  url: https://example.com", "  timeout_sec: 301"),
        9,
        '"tools.0.http.timeout_sec" must be at most 300.',
    ),
    Mistake(
        "time beside HTTP",
        far(REQUEST, "timeout_sec: 5"),
        4,
        '"tools.0" must have timeout_sec inside http or lambda, not beside it.',
    ),
    Mistake(
        "a Lambda function that is a text",
        far("lambda: stock"),
        7,
        '"tools.0.lambda" must be an object such as {function: name-or-arn}.',
    ),
    Mistake(
        "a Lambda function without a name",
        far("lambda: {function: ''}"),
        7,
        '"tools.0.lambda.function" may not be empty.',
    ),
    Mistake(
        "a misspelt field of Lambda",
        far("lambda:", "  functoin: stock"),
        8,
        '"tools.0.lambda.functoin" is not a known field; did you mean "function"? If '
        "not, remove it.",
    ),
    Mistake(
        "Lambda for too long",
        far("lambda:", "  function: stock", "  timeout_sec: 901"),
        9,
        '"tools.0.lambda.timeout_sec" must be at most 900.',
    ),
    Mistake(
        "parameters that are a list", schema("[id]"), 7, '"tools.0.parameters" must be an object.'
    ),
    Mistake(
        "parameters of another type",
        schema("{type: array}"),
        7,
        '"tools.0.parameters" must have type: object at its top.',
    ),
    Mistake(
        "parameters that are no schema",
        schema("{type: object, properties: {id: {type: word}}}"),
        7,
        '"tools.0.parameters" is not a valid JSON schema at "properties.id.type".',
    ),
    Mistake(
        "a date among parameters",
        schema(
            "", "  type: object", "  properties:", "    day: {type: string, default: 2026-01-31}"
        ),
        10,
        '"tools.0.parameters.properties.day.default" must be a text or a number; put '
        "dates in quotes.",
    ),
    Mistake(
        "a built-in tool that is none",
        GOOD + "tools:\n  - builtin: request_choice\n",
        4,
        '"tools.0.builtin" has "request_choice", which is no built-in tool; there are '
        "request_choices, request_identity_intake, submit_interaction, "
        "request_user_input, knowledge_search, escalate, list_files, read_file, write_file, "
        "send_file.",
    ),
    Mistake(
        "a built-in tool with a name",
        GOOD + "tools:\n  - builtin: request_choices\n    name: choose\n",
        4,
        '"tools.0" must have nothing beside builtin; remove name.',
    ),
    Mistake(
        "a built-in tool twice",
        GOOD + "tools:\n  - builtin: request_choices\n  - builtin: request_choices\n",
        5,
        '"tools.1" has the name "request_choices" as tools.0 has; change one of them.',
    ),
    Mistake(
        "confirming that is a text",
        python() + "confirm_tools: find\n",
        5,
        '"confirm_tools" must be a list, such as [a, b], even of one.',
    ),
    Mistake(
        "confirming what is not there",
        python() + "confirm_tools:\n  - fnid\n",
        6,
        '"confirm_tools.0" has "fnid", which matches no tool of this agent; there are find.',
    ),
    Mistake(
        "confirming a built-in tool",
        GOOD + "tools: [{builtin: request_choices}]\nconfirm_tools: ['request_*']\n",
        4,
        '"confirm_tools.0" has "request_*", which matches no tool of this agent; it has none.',
    ),
]
