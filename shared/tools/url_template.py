"""URLs with `{names}` that arguments fill, without ever changing what the URL's author wrote.

A value is percent-encoded as a whole. What servers and proxies might undo all the same (dots
that climb out of a path, control characters) is refused.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from shared.messaging.addresses import MAX_URL
from shared.tools.arguments import referred
from shared.tools.port import InvalidArguments

_URL = re.compile(
    r"(?P<origin>https?://[^/?#]*)(?P<path>[^?#]*)(\?(?P<query>[^#]*))?(?P<rest>#.*)?"
)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLAIN = frozenset({"string", "integer", "number", "boolean"})
_PLAIN_VALUES = (str, int, float)
_MAX_DEPTH = 8
_SEPARATORS = re.compile(r"[/\\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UrlTemplate:
    """A template, checked when made against the JSON schema of the arguments.

    Raises:
        ValueError: with a sentence that goes on where `http` ends.
    """

    def __init__(self, template: str, parameters: Mapping[str, Any]) -> None:
        found = _URL.fullmatch(template)
        if found is None:
            raise ValueError("must have a url that begins with http:// or https://")
        self._origin, self._path = found["origin"], found["path"] or "/"
        self._query = found["query"] or ""
        self._check_form(found["rest"])
        self.names = frozenset(_PLACEHOLDER.findall(template))
        self._defaults = _defaults(self.names, parameters)
        self._fixed = frozenset(name for name, _ in parse_qsl(self._query, keep_blank_values=True))
        for name in self._fixed & set(parameters.get("properties", {})) - self.names:
            raise ValueError(f"sets {name} in the query of its url and in parameters; remove one")
        try:
            self.filled(dict.fromkeys(self.names, "x") | self._defaults)
        except InvalidArguments as fault:
            raise ValueError(f"must have a url that can be called: {fault}") from fault

    @property
    def sample(self) -> str:
        """A URL as the template makes them."""
        return self.filled(dict.fromkeys(self.names, "x"))

    def filled(
        self, arguments: Mapping[str, Any], *, query: Mapping[str, Any] | None = None
    ) -> str:
        """The URL for these arguments, with `query` added. There a list is repeated, null is left
        out, and an object becomes JSON.

        Raises:
            InvalidArguments: with a sentence for the model.
        """
        values = {**self._defaults, **arguments}
        path = _PLACEHOLDER.sub(lambda found: _segment(found[1], values), self._path)
        if _climbs(path):
            raise InvalidArguments(
                "No argument may make a '.' or '..' of a step of the URL's path."
            )
        terms = _PLACEHOLDER.sub(lambda found: _quoted(found[1], values), self._query)
        for name, value in (query or {}).items():
            if name in self._fixed:
                raise InvalidArguments(f"'{name}' is set by this tool itself; leave it out.")
            for each in value if isinstance(value, list) else [value]:
                if each is not None:
                    terms += f"{'&' if terms else ''}{_encoded(name, name)}={_encoded(name, each)}"
        url = self._origin + path + (f"?{terms}" if terms else "")
        if len(url) > MAX_URL:
            raise InvalidArguments(f"The arguments are too long for a URL of {MAX_URL} characters.")
        return url

    def _check_form(self, fragment: str | None) -> None:
        if re.search(r"[{}]", self._origin):
            raise ValueError("must not have {names} in the host of its url; only in path and query")
        if fragment is not None:
            raise ValueError("must not have a # in its url; a server never sees what follows it")
        if re.search(r"[{}]", _PLACEHOLDER.sub("", self._path + self._query)):
            raise ValueError("must have braces in its url only around names, such as {id}")
        if _climbs(_PLACEHOLDER.sub("x", self._path)):
            raise ValueError("must not have . or .. as a step of its url's path")
        for term in self._query.split("&"):
            if "{" in term.split("=", 1)[0]:
                raise ValueError("must not have {names} in the names of its url's query")


def _defaults(names: frozenset[str], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of the placeholders that have one; the others are required."""
    properties: Mapping[str, Any] = parameters.get("properties", {})
    required: Sequence[str] = parameters.get("required", ())
    if unknown := sorted(names - properties.keys()):
        raise ValueError(f"has {{{unknown[0]}}} in its url, which is not among its parameters")
    defaults = {
        name: properties[name]["default"]
        for name in names
        if isinstance(properties[name], Mapping) and "default" in properties[name]
    }
    for name in sorted(names):
        if not _takes_plain(properties[name], parameters):
            raise ValueError(
                f"has {{{name}}} in its url, whose parameter must be a text, a number, true or "
                "false; give it such a type, or leave it out of the url"
            )
    if missing := sorted(names - defaults.keys() - set(required)):
        raise ValueError(
            f"has {{{missing[0]}}} in its url, which must be required or have a default"
        )
    return defaults


def _takes_plain(schema: Any, root: Mapping[str, Any], depth: int = 0) -> bool:
    """Whether a value that fits the schema may be a plain one. Where that is hard to tell, it may:
    then each call is checked."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return schema is not False
    types = schema.get("type", "string")
    if _PLAIN.isdisjoint([types] if isinstance(types, str) else types):
        return False
    listed = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    if listed and not any(isinstance(each, _PLAIN_VALUES) for each in listed):
        return False
    parts = [*schema.get("allOf", ())]
    if "$ref" in schema:
        parts.append(referred(root, schema["$ref"]))
    return all(_takes_plain(each, root, depth + 1) for each in parts) and all(
        any(_takes_plain(each, root, depth + 1) for each in schema[either])
        for either in ("anyOf", "oneOf")
        if either in schema
    )


def _segment(name: str, values: Mapping[str, Any]) -> str:
    text = _scalar(name, values)
    if not text:
        raise InvalidArguments(f"'{name}' must not be empty.")
    if _CONTROL.search(text):
        raise InvalidArguments(f"'{name}' must not have control characters.")
    if _climbs(text):
        raise InvalidArguments(f"'{name}' must not have '.' or '..' as a step of a path.")
    return _encoded(name, text)


def _quoted(name: str, values: Mapping[str, Any]) -> str:
    return _encoded(name, _scalar(name, values))


def _scalar(name: str, values: Mapping[str, Any]) -> str:
    value = values.get(name)
    if not isinstance(value, _PLAIN_VALUES):
        raise InvalidArguments(f"'{name}' must be a text, a number, true or false.")
    return value if isinstance(value, str) else json.dumps(value)


def _encoded(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as fault:
        raise InvalidArguments(f"'{name}' has half a character; leave it out.") from fault


def _climbs(path: str) -> bool:
    """Whether a step of a path is one that servers resolve rather than take as a name."""
    return any(step in (".", "..") for step in _SEPARATORS.split(unquote(path)))
