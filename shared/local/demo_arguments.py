"""Arguments for a tool, guessed from a sentence by the tool's JSON schema."""

import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")
_QUOTED = re.compile(r"[\"“`]([^\"”`]+)[\"”`]")
_CODE = re.compile(r"(?<!\w)(?=[\w-]*\d)[\w-]+(?!\w)")
_NO = re.compile(r"\b(no|not|false|off|without)\b", re.IGNORECASE)


def guess_arguments(text: str, tool: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """All required arguments, and those optional ones that the text names.

    A value is what follows the argument's name, or else the next thing in the text that fits it:
    a number, something in quotes, a word with a digit. Each is used once.
    """
    required = schema.get("required", [])
    sentence = _Sentence(text, tool)
    return {
        name: sentence.value(name, rule)
        for name, rule in schema.get("properties", {}).items()
        if name in required or sentence.names(name)
    }


class _Sentence:
    """What is left of a text when the values taken from it are crossed out."""

    def __init__(self, text: str, tool: str) -> None:
        spoken = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[_-]+", tool))
        self._left = re.sub(spoken, " ", text, flags=re.IGNORECASE)
        self._whole = text

    def names(self, name: str) -> bool:
        return self._after(name) is not None

    def value(self, name: str, rule: Mapping[str, Any]) -> Any:
        if choices := rule.get("enum"):
            return self._choice(choices)
        if options := rule.get("anyOf"):
            rule = next((each for each in options if each.get("type") != "null"), {})
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
            case _:
                return self._string(name)

    def _choice(self, choices: list[Any]) -> Any:
        said = self._whole.lower()
        return next((choice for choice in choices if str(choice).lower() in said), choices[0])

    def _number(self, name: str) -> str:
        after = self._after(name)
        if after and _NUMBER.fullmatch(after):
            return self._take(after)
        found = _NUMBER.search(self._left)
        return self._take(found[0]) if found else "0"

    def _string(self, name: str) -> str:
        if after := self._after(name):
            return self._take(after)
        if found := _QUOTED.search(self._left):
            self._take(found[0])
            return found[1]
        if found := _CODE.search(self._left):
            return self._take(found[0])
        return " ".join(self._left.split()) or self._whole

    def _after(self, name: str) -> str | None:
        """The value in `name 12`, `name: "a b"`, `name is x` or `name=x`."""
        spoken = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[_-]+", name))
        found = re.search(
            rf"(?<!\w){spoken}(?:\s*[:=]\s*|\s+is\s+|\s+)(?:{_QUOTED.pattern}|([^\s,;]*[^\s,;.!?]))",
            self._left,
            re.IGNORECASE,
        )
        return (found[1] or found[2]) if found else None

    def _take(self, value: str) -> str:
        self._left = self._left.replace(value, " ", 1)
        return value
