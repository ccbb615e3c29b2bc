"""What S3 does with signed URLs, on a laptop: files of the workspace, by their links."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from shared.storage.artifacts import Artifacts, ArtifactsUnavailable, saved_as
from shared.storage.links import Grant, Links

ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, PUT",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "600",
}
"""Web pages may use links: who has one needs nothing else, and no cookie is looked at."""

CAREFUL = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Cache-Control": "private, no-store",
}


class FileLinks:
    """Answers requests for links."""

    def __init__(self, artifacts: Artifacts, links: Links) -> None:
        self._artifacts = artifacts
        self._links = links

    async def answer(self, request: Request) -> Response:
        """One request; its path ends in the token of a link."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=ANYWHERE)
        grant = self._links.read(request.path_params["token"])
        if grant is None or grant.method != request.method:
            return _told(403, "The link is not valid, or has expired. Ask for another one.")
        try:
            if grant.method == "GET":
                return await self._sent(grant)
            return await self._taken(grant, request)
        except ArtifactsUnavailable:
            return _told(503, "The file could not be read or written. Try again.")

    async def _sent(self, grant: Grant) -> Response:
        data = await run_in_threadpool(self._artifacts.get, grant.name)
        if data is None:
            return _told(404, "There is no such file any more.")
        headers = {**ANYWHERE, **CAREFUL, "Content-Disposition": saved_as(grant.shown_as)}
        return Response(data, headers=headers, media_type=grant.content_type)

    async def _taken(self, grant: Grant, request: Request) -> Response:
        """As with S3, the length and the type that were signed must be those that come."""
        length = request.headers.get("content-length")
        if length != str(grant.size):
            return _told(403, f"The link is for a file of exactly {grant.size} bytes.")
        if request.headers.get("content-type") != grant.content_type:
            return _told(403, f"The link is for a file with Content-Type: {grant.content_type}.")
        try:
            data = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        if len(data) != grant.size:
            return _told(403, f"The link is for a file of exactly {grant.size} bytes.")
        content_type = grant.content_type
        await run_in_threadpool(self._artifacts.put, grant.name, data, content_type=content_type)
        return Response(headers=ANYWHERE)


def _told(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status, {**ANYWHERE, **CAREFUL})
