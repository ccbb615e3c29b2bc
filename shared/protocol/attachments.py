"""What comes with a message: images and files, each by a URL.

A URL is `data:<type>;base64,…` (the content itself), `https://…` (the worker gets it) or
`upload:<id>` (see `POST /uploads`). What a client may send is checked here; whether there is
anything at a URL, by whoever gets it.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.protocol.faults import Inside

MAX_IMAGES = 8
MAX_FILES = 16
MAX_FILE_NAME = 255
"""Characters."""

MAX_ADDRESS = 2048
MAX_URLS = 100_000
"""Characters of all the URLs of one kind of attachments of a message."""

UPLOAD = "upload:"
HTTPS = "https://"

_DATA = re.compile(r"data:([^;,]{0,127})(?:;[^;,]{1,64})*;base64,", re.ASCII)
_MIME_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}"
_MIME_TYPE = re.compile(f"{_MIME_NAME}/{_MIME_NAME}")


def mime_type(text: str) -> str:
    """The text itself, without parameters. Raises ValueError: it names no kind of content."""
    named = text.partition(";")[0].strip().lower()
    if not _MIME_TYPE.fullmatch(named):
        raise ValueError("must be a media type such as application/pdf")
    return named


def data_of(url: str) -> bytes | None:
    """The content of a `data:` URL; None for any other. Raises ValueError: it is malformed."""
    if not url.startswith("data:"):
        return None
    found = _DATA.match(url)
    if found is None:
        raise ValueError("must be written data:<media type>;base64,<content>")
    try:
        return base64.b64decode(url[found.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("has content that is not base64") from None


def _checked_url(url: str) -> str:
    if url.startswith("data:"):
        if not data_of(url):
            raise ValueError("has no content")
        return url
    if not url.startswith((UPLOAD, HTTPS)):
        raise ValueError(f"must begin with data:, {HTTPS} or {UPLOAD}")
    if len(url) > MAX_ADDRESS or not url.isprintable():
        raise ValueError(f"must be up to {MAX_ADDRESS} printable characters, but for data:")
    return url


def file_name(text: str) -> str:
    """The text itself. Raises ValueError: no file can be called so."""
    if not text.strip() or not text.isprintable():
        raise ValueError("must be printable text")
    return text


Url = Annotated[str, Field(max_length=MAX_URLS), AfterValidator(_checked_url)]
FileName = Annotated[str, Field(max_length=MAX_FILE_NAME), AfterValidator(file_name)]
MimeType = Annotated[str, Field(max_length=255), AfterValidator(mime_type)]


class _Entry(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


class Image(_Entry):
    """A picture that the model is shown. `detail` is taken, and makes no difference."""

    url: Url
    detail: Literal["low", "high", "auto"] | None = None


class File(_Entry):
    """A file that is kept with the conversation, for the agent's tools. Without a `mime_type` its
    name says what it is."""

    name: FileName
    mime_type: MimeType | None = None
    url: Url


def _fitting(entries: Sequence[Any]) -> Sequence[Any]:
    if sum(len(entry.url) for entry in entries) > MAX_URLS:
        raise ValueError(
            f"have more than {MAX_URLS} characters of URLs; send large ones by POST /uploads"
        )
    return entries


_NONE = BeforeValidator(lambda value: () if value is None else value)
Images = Annotated[tuple[Image, ...], Field(max_length=MAX_IMAGES), AfterValidator(_fitting), _NONE]
Files = Annotated[tuple[File, ...], Field(max_length=MAX_FILES), AfterValidator(_fitting), _NONE]


def attached(images: Sequence[Image], files: Sequence[File]) -> dict[str, Any]:
    """Both as plain JSON; what there is none of is not there."""
    named: Mapping[str, Sequence[BaseModel]] = {"images": images, "files": files}
    return {
        name: [entry.model_dump(exclude_none=True) for entry in entries]
        for name, entries in named.items()
        if entries
    }


def check_uploads(images: Sequence[Image], files: Sequence[File], there: Any) -> None:
    """Whether each `upload:` names one that `there(id)` says may be used.

    Raises:
        Inside: the first that does not; its path leads to the entry's URL.
    """
    named: Mapping[str, Sequence[Image | File]] = {"images": images, "files": files}
    for name, entries in named.items():
        for number, entry in enumerate(entries):
            if entry.url.startswith(UPLOAD) and not there(entry.url.removeprefix(UPLOAD)):
                raise Inside((name, number, "url"), "names no upload of this session")
