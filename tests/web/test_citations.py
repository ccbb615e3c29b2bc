"""What a reply rests on, for callers of the HTTP API."""

from pathlib import Path

from tests.knowledge.support import write
from tests.web.site import site_in

FILES = {
    "support.yaml": "name: Support\ninstructions: Help.\nknowledge: {documents: docs}\n",
    "docs/returns.md": "---\ntitle: Returns\nurl: https://example.com/r\n---\nShoes: 30 days.",
    "docs/hidden.md": "---\nacl: {users: [bob]}\n---\nShoes: 90 days.",
}


def test_the_reply_and_the_turn_cite_what_the_user_may_read(tmp_path: Path) -> None:
    agents = write(tmp_path / "agents", FILES)
    with site_in(tmp_path / "x", ASSISTANT_LOCAL_CONFIG_DIR=str(agents)) as site:
        answer = site.turn("May I return shoes?", agent_id="support", person="ann")
        assert answer.status == 200
        [cited] = answer.body["citations"]
        assert cited.pop("score") > 0
        assert cited == {
            "id": "returns.md",
            "title": "Returns",
            "url": "https://example.com/r",
            "snippet": "Shoes: 30 days.",
        }
        turn = site.ask("GET", f"/turns/{answer.body['turn_id']}", person="ann")
        assert turn.body["citations"] == answer.body["citations"]

        other = site.turn("May I return shoes?", agent_id="support", person="bob")
        assert {each["id"] for each in other.body["citations"]} == {"returns.md", "hidden.md"}
