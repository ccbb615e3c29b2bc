"""Mistakes that people make in an agent's file, each with what is said of it."""

from tests.backends.mistakes.in_described import IN_DESCRIBED
from tests.backends.mistakes.in_fields import IN_FIELDS
from tests.backends.mistakes.in_resources import IN_RESOURCES
from tests.backends.mistakes.in_sections import IN_SECTIONS
from tests.backends.mistakes.in_texts import IN_TEXTS
from tests.backends.mistakes.in_tools import IN_TOOLS
from tests.backends.mistakes.in_yaml import IN_YAML

MISTAKES = [
    *(*IN_YAML, *IN_TEXTS, *IN_FIELDS),
    *(*IN_TOOLS, *IN_DESCRIBED, *IN_RESOURCES, *IN_SECTIONS),
]
