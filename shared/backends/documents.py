"""Documents as their authors write them: Markdown that may begin with front matter.

    ---
    title: Returns
    url: https://example.com/returns
    acl: {users: [ann], groups: [support]}
    ---

Without `acl` everybody reads a document, so whatever looks as if there should be one is refused:
also an `acl` that stands among the first lines, but in no front matter.
"""

import re
import unicodedata
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.backends.yaml_text import BadYaml
from shared.backends.yaml_text import Document as Yaml
from shared.knowledge.access import EVERYBODY, Acl
from shared.knowledge.documents import Document, DocumentFault
from shared.protocol.faults import Fault, Inside, faults
from shared.protocol.written import Written

MAX_TITLE = 256
MAX_URL = 2_048
MAX_NAME = 128
MAX_NAMES = 1_000
MAX_FRONT = 64 * 1024
"""Characters of front matter."""

_MARK = "---"
LOOKED_AT = 50
"""Lines among which an `acl` is looked for that is not in the front matter."""

_FENCE = re.compile(r"\s*(?:```|~~~)")
_ACL = re.compile(r"\W*acl[\"']?\s*:", re.IGNORECASE)
_FORGOTTEN = re.compile(r"[\"']?(?:title|url|acl)[\"']?[ \t]*:", re.IGNORECASE)


def _given(value: Any) -> Any:
    if value is None:
        raise ValueError("is there, but empty; fill it in, or remove it")
    return value


def _title(text: str) -> str:
    if not text.strip() or len(text) > MAX_TITLE or not text.isprintable():
        raise ValueError(f"must be one line of up to {MAX_TITLE} printable characters")
    return text.strip()


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        known = False
    if not known or len(text) > MAX_URL or not text.isprintable() or " " in text:
        raise ValueError(
            f"must be an address that begins with https:// or http://, of up to {MAX_URL} "
            "characters"
        )
    return text


def _name(text: str) -> str:
    if not text.strip() or text != text.strip() or len(text) > MAX_NAME or not text.isprintable():
        raise ValueError(f"must be a name of up to {MAX_NAME} printable characters")
    return text


_Names = Annotated[
    tuple[Annotated[str, AfterValidator(_name)], ...],
    BeforeValidator(_given),
    Field(max_length=MAX_NAMES),
]


class _Acl(Written):
    """Who may read the document."""

    example: ClassVar = "{groups: [support]}"

    public: bool = Field(False, strict=True)
    users: _Names = ()
    groups: _Names = ()

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("must have public, or users and groups; remove it for everybody")
        if self.public and (self.users or self.groups):
            raise Inside(("public",), "is true, but there are users or groups; keep one of them")
        return self

    @property
    def read(self) -> Acl:
        return Acl(public=self.public, users=frozenset(self.users), groups=frozenset(self.groups))


class _Front(Written):
    example: ClassVar = "title: Returns"

    title: Annotated[str, AfterValidator(_title)] | None = None
    url: Annotated[str, AfterValidator(_url)] | None = None
    acl: Annotated[_Acl | None, BeforeValidator(_given)] = None


def parse_document(document_id: str, data: bytes) -> Document:
    """The document that a file holds.

    Raises:
        DocumentFault: it is not valid.
    """
    front, text = _divided(_decoded(data))
    return Document(
        id=document_id,
        title=front.title or document_id,
        text=text,
        url=front.url,
        acl=EVERYBODY if front.acl is None else front.acl.read,
    )


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise DocumentFault("not UTF-8", line) from None
    # Marks that nobody sees would hide the front matter behind them.
    seen = next((n for n, each in enumerate(text) if unicodedata.category(each) != "Cf"), 0)
    return text[seen:].replace("\r\n", "\n").replace("\r", "\n")


def _divided(text: str) -> tuple[_Front, str]:
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise DocumentFault("there is nothing in it")
    opening = lines[first].strip()
    if opening != _MARK:
        if opening.startswith((_MARK, "+++")) or _FORGOTTEN.match(opening):
            raise DocumentFault(
                f"front matter must stand between two lines {_MARK}; begin the document with "
                "other words if this is none",
                first + 1,
            )
        _no_acl(lines, 0)
        return _Front(), text
    last = next((n for n in range(first + 1, len(lines)) if lines[n].rstrip() == _MARK), None)
    if last is None:
        raise DocumentFault(
            f"the front matter that begins here is never closed; end it with a line {_MARK}",
            first + 1,
        )
    rest = lines[last + 1 :]
    if _FORGOTTEN.match(next((line.strip() for line in rest if line.strip()), "")):
        raise DocumentFault(
            f"the front matter ends here, and goes on below; put all of it above this {_MARK}",
            last + 1,
        )
    front = _front("\n".join(lines[first + 1 : last]), first + 1)
    if front.acl is None:
        _no_acl(rest, last + 1)
    return front, "\n".join(rest)


def _no_acl(lines: list[str], above: int) -> None:
    """Whoever has written `acl` outside the front matter wants few to read the document. What is
    quoted as code further down is none. `above` lines come before these.

    Raises:
        DocumentFault: there is one.
    """
    quoted, begun = False, False
    for number, line in enumerate(lines[:LOOKED_AT], start=above + 1):
        # A fence around everything quotes nothing.
        if begun and _FENCE.match(line):
            quoted = not quoted
        begun = begun or bool(line.strip())
        if not quoted and _ACL.match(line):
            raise DocumentFault(
                f"this looks like an acl, but counts only between two lines {_MARK} at the very "
                "beginning; move it there, or put it in a block of code if it is none",
                number,
            )


def _front(text: str, above: int) -> _Front:
    """What the front matter says. `above` lines come before it."""
    if len(text) > MAX_FRONT:
        raise DocumentFault(f"its front matter is larger than {MAX_FRONT // 1024} KB", above)
    try:
        document = Yaml(text)
    except BadYaml as wrong:
        raise DocumentFault(str(wrong), above + wrong.line) from None
    try:
        return _Front.model_validate({} if document.values is None else document.values)
    except pydantic.ValidationError as error:
        found: Fault = faults(error, by_hand=True)[0]
    raise DocumentFault(str(found).rstrip("."), above + document.line_of(found))
