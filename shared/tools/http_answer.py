"""What the model reads of an HTTP tool's answer."""

import codecs
from collections.abc import Sequence
from email.message import Message

from shared.messaging.http import HttpAnswer
from shared.tools.port import ToolFault
from shared.tools.redaction import redacted

MAX_ERROR = 2000
"""Characters of an answer that says no."""

_TEXTS = ("json", "xml", "javascript", "yaml", "x-www-form-urlencoded", "x-ndjson", "csv")
# Encodings of text alone, in the names that Python gives them; some of its codecs do other work.
_CHARSETS = frozenset(
    {
        *("utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", "shift_jis", "euc_jp", "gbk"),
        *("gb2312", "gb18030", "big5", "euc_kr", "koi8-r", "koi8-u"),
        *(f"iso8859-{part}" for part in range(1, 17)),
        *(f"cp125{part}" for part in range(9)),
    }
)


def answered(answer: HttpAnswer, *, safe: bool, secrets: Sequence[str]) -> str:
    """The result of a request. `safe`: it changes nothing. What repeats one of `secrets` is
    blotted out, as `shared.tools.redaction` says.

    Raises:
        ToolFault: the status is none of success.
    """
    if 200 <= answer.status < 300:
        return _result(answer, secrets)
    if answer.status in (401, 403):
        # What such an answer says is about the credentials, which are not the model's business.
        raise ToolFault(
            f"The tool's server refused the request (status {answer.status}): this tool is not "
            "allowed to do that. Nothing was changed."
        )
    if 300 <= answer.status < 400:
        raise ToolFault(
            f"The tool's server answered with a redirect (status {answer.status}), which is not "
            "followed." + ("" if safe else " Whether the request took effect is unknown.")
        )
    raise ToolFault(_refusal(answer, safe, secrets))


def _result(answer: HttpAnswer, secrets: Sequence[str]) -> str:
    if not answer.body:
        return f"Done (status {answer.status}); the answer is empty."
    text = _text(answer, secrets)
    if text is None:
        size = f"{'more than ' if answer.cut else ''}{len(answer.body)} bytes"
        kind = redacted(_kind(answer), secrets)
        return f"Done (status {answer.status}); the answer is no text: {kind}, {size}."
    if answer.cut:
        text += f"\n[cut: the answer has more than {len(answer.body)} bytes]"
    return text


def _refusal(answer: HttpAnswer, safe: bool, secrets: Sequence[str]) -> str:
    said = f"The tool's server answered with status {answer.status}."
    if answer.status >= 500 and not safe:
        said += " Whether the request took effect is unknown."
    again = answer.headers.get("retry-after", "")
    if again.isascii() and again.isdigit() and len(again) < 7:
        said += f" It asks to wait {again} seconds before another request."
    if text := _text(answer, secrets):
        said += f" It said:\n{text[:MAX_ERROR]}"
    return said


def _text(answer: HttpAnswer, secrets: Sequence[str]) -> str | None:
    """The body as text; None if it is none."""
    if answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return None
    kind = _kind(answer)
    if kind == "unknown":
        try:
            text = answer.body.decode()
        except UnicodeDecodeError:
            return None
    elif kind.startswith("text/") or kind.rpartition("/")[2].rpartition("+")[2] in _TEXTS:
        text = answer.body.decode(_charset(answer), "replace")
    else:
        return None
    return redacted(text, secrets, cut=answer.cut)


def _kind(answer: HttpAnswer) -> str:
    """The media type: what is compressed counts as that."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        return "compressed data"
    written = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return written if written.isascii() and 0 < len(written) <= 100 else "unknown"


def _charset(answer: HttpAnswer) -> str:
    header = Message()
    header["Content-Type"] = answer.headers["content-type"]
    try:
        name = codecs.lookup(header.get_content_charset("utf-8")).name
    except LookupError:
        return "utf-8"
    return name if name in _CHARSETS else "utf-8"
