"""The sections: knowledge, workflow, limits."""

from tests.backends.mistakes.made import GOOD, Mistake, steps

IN_SECTIONS = [
    Mistake(
        "knowledge that is a text",
        GOOD + "knowledge: knowledge/support\n",
        3,
        '"knowledge" must be an object such as {documents: knowledge/support}.',
    ),
    Mistake(
        "knowledge from nowhere",
        GOOD + "knowledge: {top_k: 3}\n",
        3,
        '"knowledge" must have exactly one of documents, id and bedrock: what is searched.',
    ),
    Mistake(
        "knowledge from two places",
        GOOD + "knowledge: {documents: a, id: b}\n",
        3,
        '"knowledge" must have exactly one of documents, id and bedrock: what is searched.',
    ),
    Mistake(
        "knowledge from outside",
        GOOD + "knowledge:\n  documents: ../secrets\n",
        4,
        '"knowledge.documents" must be a folder beside the agents, such as '
        "knowledge/support, or s3://bucket/prefix, of up to 512 characters.",
    ),
    Mistake(
        "knowledge from the web",
        GOOD + "knowledge:\n  documents: https://example.com\n",
        4,
        '"knowledge.documents" must be a folder beside the agents, such as '
        "knowledge/support, or s3://bucket/prefix, of up to 512 characters.",
    ),
    Mistake(
        "knowledge with a misspelt field",
        GOOD + "knowledge:\n  document: a\n",
        4,
        '"knowledge.document" is not a known field; did you mean "documents"? If not, remove it.',
    ),
    Mistake(
        "knowledge from something in Bedrock that is no knowledge base",
        GOOD + "knowledge:\n  bedrock: handbook\n",
        4,
        '"knowledge.bedrock" must be the id of a knowledge base in Bedrock: 10 letters and digits.',
    ),
    Mistake(
        "a search without anything to search",
        GOOD + "tools:\n  - builtin: knowledge_search\n",
        4,
        '"tools.0.builtin" is knowledge_search, but the agent has no knowledge; add it, such as '
        "knowledge: {documents: knowledge/support}.",
    ),
    Mistake(
        "knowledge with a bad id",
        GOOD + "knowledge:\n  id: a/b\n",
        4,
        '"knowledge.id" must be up to 128 letters, digits, and after the first of them '
        "_ . -, with no dot at the end.",
    ),
    Mistake(
        "too little knowledge",
        GOOD + "knowledge:\n  documents: a\n  top_k: 0\n",
        5,
        '"knowledge.top_k" must be at least 1.',
    ),
    Mistake(
        "too much knowledge",
        GOOD + "knowledge:\n  documents: a\n  top_k: 21\n",
        5,
        '"knowledge.top_k" must be at most 20.',
    ),
    Mistake(
        "a workflow without a goal",
        GOOD + "workflow:\n  steps: [{id: a, intent: b, criteria: c}]\n",
        3,
        '"workflow.goal" is missing; add it.',
    ),
    Mistake(
        "a workflow without steps",
        GOOD + "workflow:\n  goal: Solve it\n  steps: []\n",
        5,
        '"workflow.steps" must have at least one step.',
    ),
    Mistake(
        "steps that are texts",
        steps("- Find it"),
        6,
        '"workflow.steps.0" must be an object such as {id: find, intent: Find the '
        "order, criteria: An order id is known}.",
    ),
    Mistake(
        "a step without criteria",
        steps("- id: a", "  intent: b"),
        6,
        '"workflow.steps.0.criteria" is missing; add it.',
    ),
    Mistake(
        "a step without an intent",
        steps("- id: a", "  intent: ''", "  criteria: c"),
        7,
        '"workflow.steps.0.intent" may not be blank.',
    ),
    Mistake(
        "a step with a bad id",
        steps("- id: find it", "  intent: b", "  criteria: c"),
        6,
        '"workflow.steps.0.id" must be up to 64 letters, digits and _, with no digit in front.',
    ),
    Mistake(
        "two steps of one id",
        steps("- {id: a, intent: b, criteria: c}", "- {id: a, intent: b, criteria: c}"),
        7,
        '"workflow.steps.1.id" is "a", as that of steps.0 is; change one.',
    ),
    Mistake(
        "too many steps",
        GOOD
        + "workflow:\n  goal: Solve it\n  steps: ["
        + ", ".join(f"{{id: s{n}, intent: b, criteria: c}}" for n in range(33))
        + "]\n",
        5,
        '"workflow.steps" may have at most 32 entries; remove some.',
    ),
    Mistake(
        "a workflow with a misspelt field",
        GOOD + "workflow:\n  gaol: Solve it\n",
        4,
        '"workflow.gaol" is not a known field; did you mean "goal"? If not, remove it.',
    ),
    Mistake(
        "limits that are a list",
        GOOD + "limits: [600]\n",
        3,
        '"limits" must be an object such as {turn_seconds: 600, turn_usd: 0.50}.',
    ),
    Mistake(
        "limits with a misspelt field",
        GOOD + "limits:\n  turn_sec: 5\n",
        4,
        '"limits.turn_sec" is not a known field; did you mean "turn_seconds"? If not, remove it.',
    ),
    Mistake(
        "no seconds",
        GOOD + "limits:\n  turn_seconds: 0\n",
        4,
        '"limits.turn_seconds" must be more than 0.',
    ),
    Mistake(
        "too many seconds",
        GOOD + "limits:\n  turn_seconds: 86401\n",
        4,
        '"limits.turn_seconds" must be at most 86400.',
    ),
    Mistake(
        "free",
        GOOD + "limits:\n  turn_usd: 0\n",
        4,
        '"limits.turn_usd" must be an amount of dollars above 0, such as 25 or 0.50.',
    ),
    Mistake(
        "dollars with their sign",
        GOOD + "limits:\n  conversation_usd: $5\n",
        4,
        '"limits.conversation_usd" must be an amount of dollars above 0, such as 25 or 0.50.',
    ),
    Mistake(
        "dollars with a comma",
        GOOD + "limits:\n  conversation_usd: 0,50\n",
        4,
        '"limits.conversation_usd" must be an amount of dollars above 0, such as 25 or 0.50.',
    ),
]
