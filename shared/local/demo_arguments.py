"""Arguments for a tool, guessed from a sentence by the tool's JSON schema."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")
_QUOTED = re.compile(r"[\"“`]([^\"”`]+)[\"”`]")
_CODE = re.compile(r"(?<![\w-])(?=[\w-]*\d)[\w-]+(?!\w)")
_DATE = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])")
# Bounded, so that a long row of blanks or brackets does not take quadratic time.
_OPERAND = r"[-(\s]{0,8}\d{1,20}(?:\.\d{1,20})?[)\s]{0,8}"
_ARITHMETIC = re.compile(rf"(?<![\w-])-?{_OPERAND}(?:(?:\*\*|//|[*/%+]|\s-\s?){_OPERAND})+(?!\w)")
_NO = re.compile(r"\b(no|not|false|off|without)\b", re.IGNORECASE)
_FREE_TEXT = frozenset(("query", "question", "text", "topic", "search", "phrase", "message"))
"""Names of arguments that a whole sentence fits."""


class _Nothing(LookupError):
    """The sentence has nothing that fits an argument."""


def guess_arguments(text: str, tool: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """All required arguments, and those optional ones that the text names or chooses.

    A value is what follows the argument's name, or else the next thing in the text that fits it:
    a number, a date, something in quotes, a word with a digit. Each is used once.
    """
    return dict(_guessed(_Sentence(text, tool, schema), schema))


def can_guess(text: str, schema: Mapping[str, Any]) -> bool:
    """Whether the text holds something for each required argument."""
    try:
        dict(_guessed(_Sentence(text, "", schema, strict=True), schema))
    except _Nothing:
        return False
    return True


def has_arithmetic(text: str) -> bool:
    return _ARITHMETIC.search(_DATE.sub(" ", text)) is not None


def _guessed(sentence: "_Sentence", schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    required = schema.get("required", [])
    for name, rule in schema.get("properties", {}).items():
        if name in required or sentence.says(name, rule):
            yield name, sentence.value(name, rule)


class _Sentence:
    """What is left of a text when the values taken from it are crossed out. A strict one raises
    `_Nothing` where it would have to make a value up."""

    def __init__(
        self, text: str, tool: str, schema: Mapping[str, Any], *, strict: bool = False
    ) -> None:
        spoken = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[_-]+", tool))
        self._left = re.sub(spoken, " ", text, flags=re.IGNORECASE) if tool else text
        self._whole = text
        self._definitions: Mapping[str, Any] = schema.get("$defs", {})
        self._strict = strict

    def says(self, name: str, rule: Mapping[str, Any]) -> bool:
        choices = self._plain(rule).get("enum", [])
        return self._after(name) is not None or self._chosen(choices) is not None

    def value(self, name: str, rule: Mapping[str, Any]) -> Any:
        rule = self._plain(rule)
        if choices := rule.get("enum"):
            return self._choice(choices)
        match rule.get("type"):
            case "integer":
                return int(float(self._number(name)))
            case "number":
                return float(self._number(name))
            case "boolean":
                return not _NO.search(self._whole)
            case "array":
                return [self.value(name, rule.get("items", {}))]
            case "object":
                nested: Mapping[str, Any] = rule.get("properties", {})
                return {key: self.value(key, nested[key]) for key in rule.get("required", [])}
            case _ if rule.get("format") == "date":
                return self._next(_DATE) or self._string(name)
            case _ if name == "expression" and (found := self._next(_ARITHMETIC)):
                return found.strip()
            case _:
                return self._string(name)

    def _plain(self, rule: Mapping[str, Any]) -> Mapping[str, Any]:
        """The rule that is referred to, and of several the first that is not null."""
        if options := rule.get("anyOf"):
            return self._plain(next((each for each in options if each.get("type") != "null"), {}))
        if reference := rule.get("$ref"):
            named: Mapping[str, Any] = self._definitions.get(reference.removeprefix("#/$defs/"), {})
            return named
        return rule

    def _choice(self, choices: list[Any]) -> Any:
        chosen = self._chosen(choices)
        return self._made_up(choices[0]) if chosen is None else chosen

    def _chosen(self, choices: list[Any]) -> Any:
        said = re.findall(r"[\w.-]*\w", self._whole.lower())
        return next((choice for choice in choices if str(choice).lower() in said), None)

    def _number(self, name: str) -> str:
        after = self._after(name)
        if after and _NUMBER.fullmatch(after):
            return self._take(after)
        return self._next(_NUMBER) or str(self._made_up("0"))

    def _string(self, name: str) -> str:
        if after := self._after(name):
            return self._take(after)
        if found := _QUOTED.search(self._left):
            self._take(found[0])
            return found[1]
        if code := self._next(_CODE):
            return code
        whole = " ".join(self._left.split()) or self._whole
        return whole if name in _FREE_TEXT else str(self._made_up(whole))

    def _made_up(self, value: Any) -> Any:
        if self._strict:
            raise _Nothing
        return value

    def _after(self, name: str) -> str | None:
        """The value in `name 12`, `name: "a b"`, `name is x` or `name=x`."""
        spoken = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[_-]+", name))
        found = re.search(
            rf"(?<!\w){spoken}(?:\s*[:=]\s*|\s+is\s+|\s+)(?:{_QUOTED.pattern}|([^\s,;]*[^\s,;.!?]))",
            self._left,
            re.IGNORECASE,
        )
        return (found[1] or found[2]) if found else None

    def _next(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.search(self._left)
        return self._take(found[0]) if found else None

    def _take(self, value: str) -> str:
        self._left = self._left.replace(value, " ", 1)
        return value
