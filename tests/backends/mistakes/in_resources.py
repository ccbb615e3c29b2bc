"""Mistakes in what agents say of tools that they share, and in those tools."""

from tests.backends.mistakes.made import GOOD, Mistake

RESOURCES = {
    "find": "python: orders:find\n",
    "misspelt": "python: orders:find\nrepeatabel: true\n",
    "again": "resource: find\n",
    "unclosed": "name: far\ndescription: 'Far.\n",
}
"""What `tools/<id>.yaml` says."""


def resource(name: str, *beside: str) -> str:
    """An agent with a tool that it shares; what stands beside that begins in line 5."""
    return GOOD + f"tools:\n  - resource: {name}\n" + "".join(f"    {each}\n" for each in beside)


IN_RESOURCES = [
    Mistake(
        "a misspelt resource",
        GOOD + "tools:\n  - resorce: find\n",
        4,
        '"tools.0.resorce" is not a known field; did you mean "resource"? If not, remove it.',
    ),
    Mistake(
        "a resource that is not there",
        resource("seek"),
        4,
        '"tools.0.resource" names "seek", and there is no such tool resource.',
    ),
    Mistake(
        "a resource that is a number",
        resource("5"),
        4,
        '"tools.0.resource" must be the id of a tool resource.',
    ),
    Mistake(
        "a resource with a path",
        resource("../find"),
        4,
        '"tools.0.resource" must be up to 128 letters, digits, and after the first of them _ . -, '
        "with no dot at the end.",
    ),
    Mistake(
        "a resource and a kind",
        resource("find", "lambda: {function: f}"),
        4,
        '"tools.0" must have exactly one of python, http, lambda and builtin, or name a resource; '
        'this is the tool resource "find".',
    ),
    Mistake(
        "a resource with something wrong beside it",
        resource("find", "approval: no"),
        5,
        '"tools.0.approval" must be required, or {required: true} with timeout_sec and roles; '
        'leave it out where nobody has to approve; this is the tool resource "find".',
    ),
    Mistake(
        "a resource with a misspelt field",
        resource("misspelt"),
        4,
        '"tools.0.repeatabel" is not a known field; did you mean "repeatable"? If not, remove it; '
        'this is the tool resource "misspelt".',
    ),
    Mistake(
        "a resource that names another",
        resource("again"),
        4,
        '"tools.0" may not name a resource in its turn; this is the tool resource "again".',
    ),
]
