"""Files over HTTP: places to upload them to, and the workspaces of the caller's conversations."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.errors import NotFound, ServiceUnavailable
from shared.protocol.attachments import FileName, MimeType
from shared.protocol.replies import iso_time
from shared.storage.artifacts import ArtifactsUnavailable
from shared.tools.file_tools import media_type
from shared.tools.workspace import BadPath, Workspace
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.services import Services

DOWNLOAD_SECONDS = 300
"""For how long the address of a download is good."""


def _whole(text: str) -> str:
    if not text.strip():
        raise ValueError("may not be blank")
    return text


class NewUpload(BaseModel):
    """A file that is to come, for messages of this session."""

    model_config = ConfigDict(extra="forbid")

    session_id: Annotated[str, Field(max_length=64), AfterValidator(_whole)]
    name: FileName
    mime_type: MimeType
    size: int = Field(ge=1, description="Bytes, exactly.")


class Upload(BaseModel):
    """Send the file to `url` with this `method` and these `headers` until `expires_at`; then name
    it in a message as `upload:<upload_id>`. The URL is a secret."""

    upload_id: str
    url: str
    method: str
    headers: Mapping[str, str]
    expires_at: str


class FileEntry(BaseModel):
    """A file of a conversation's workspace."""

    path: str
    size: int
    mime_type: str
    updated_at: str


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["files"])

    @api.post("/uploads", status_code=201, responses=error_bodies(401, 404, 409, 422, 429, 503))
    def begin_upload(body: NewUpload, caller: Caller, response: Response) -> Upload:
        """A place for one file. What no message refers to within a day is gone."""
        place = services.uploads.begin(
            caller, body.session_id, name=body.name, mime_type=body.mime_type, size=body.size
        )
        response.headers["Cache-Control"] = "no-store"
        return Upload(
            upload_id=place.id,
            url=place.url,
            method=place.method,
            headers=place.headers,
            expires_at=iso_time(place.expires_at),
        )

    @api.get("/conversations/{conversation_id}/files", responses=error_bodies(401, 404, 503))
    def list_files(conversation_id: str, caller: Caller) -> list[FileEntry]:
        """The files of a conversation, in the order of their paths: what came with its messages,
        and what its agent wrote."""
        workspace = _workspace(caller, conversation_id)
        try:
            found = workspace.files()
        except ArtifactsUnavailable as fault:
            raise ServiceUnavailable from fault
        return [
            FileEntry(
                path=each.path,
                size=each.size,
                mime_type=media_type(each.path),
                updated_at=iso_time(each.written_at),
            )
            for each in found
        ]

    @api.get(
        "/conversations/{conversation_id}/files/{path:path}",
        status_code=302,
        response_class=Response,
        responses=error_bodies(401, 404, 503),
    )
    def get_file(conversation_id: str, path: str, caller: Caller) -> Response:
        """Leads to an address from which the file can be saved for some minutes by whoever knows
        it; to be asked for again each time."""
        workspace = _workspace(caller, conversation_id)
        try:
            found = workspace.find(path)
            if found is None:
                raise _no_such_file()
            kind = media_type(found.path)
            url = workspace.download(found.path, kind, seconds=DOWNLOAD_SECONDS)
        except BadPath as wrong:
            raise _no_such_file() from wrong
        except ArtifactsUnavailable as fault:
            raise ServiceUnavailable from fault
        headers = {
            "Location": url,
            "Cache-Control": "no-store",
            "Content-Disposition": "attachment",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return Response(status_code=302, headers=headers)

    def _workspace(caller: Caller, conversation_id: str) -> Workspace:
        box = services.conversations.find(caller, conversation_id, "read")
        return Workspace(services.artifacts, box.tenant, box.id)

    return api


def _no_such_file() -> NotFound:
    return NotFound("There is no such file.", code="FILE_NOT_FOUND")
