"""The attachments of a message, as it names them."""

from dataclasses import dataclass

from shared.conversations.attachment_names import safe_name
from shared.conversations.uploads import uploaded
from shared.mailbox.box import Job
from shared.protocol.attachments import UPLOAD, data_of
from shared.runner.pictures import kind_of

_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}


@dataclass(frozen=True)
class Given:
    """An attachment as the message has it. `name` is what its sender calls it, made fit for a
    file."""

    is_image: bool
    name: str
    mime_type: str | None
    url: str


def given_with(job: Job) -> list[Given]:
    """The attachments of a turn's message: the images first, both in their order."""
    images = [
        Given(True, _image_name(each["url"], number, job.key.id), None, each["url"])
        for number, each in enumerate(job.payload.get("images", ()), 1)
    ]
    files = [
        Given(False, safe_name(each["name"]), each.get("mime_type"), each["url"])
        for each in job.payload.get("files", ())
    ]
    return [*images, *files]


def _image_name(url: str, number: int, conversation: str) -> str:
    if url.startswith(UPLOAD):
        found = uploaded(url.removeprefix(UPLOAD), conversation)
        return safe_name(found.name) if found else f"image-{number}"
    content = data_of(url)
    if content is not None:
        ending = _ENDINGS.get(kind_of(content) or "", "")
    else:
        last = url.partition("?")[0].partition("#")[0].rpartition("/")[2]
        said = f".{last.rpartition('.')[2].lower()}"
        ending = said if said in (".jpeg", *_ENDINGS.values()) else ""
    return f"image-{number}{ending}"
