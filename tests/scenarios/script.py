"""How a scenario is written.

scenario: what a user would notice
given:                                  all of it optional
  settings: {SESSION_BACKLOG: "1"}      variables of the environment
  agents: {support: {name: …}}          beside the built-in `assistant`
  files: {orders.py: "def find…"}       beside the agents' files; a tool may `wait_at("g")`
                                        (tests.scenarios.gates) until `tool passes: g`
  skills: {tone: Be kind.}              the library's skills, and their texts
  server: {status: 200, body: Done}     somebody else's web server, at `${server}`, by its name
                                        at `${named_server}`
  secrets: {refunds: k3y}               of HTTP tools
  auth: token                           connections name their user: `ann connects: {as: ann}`;
                                        with `jwt` they have `{token: {sub: ann, life: 60}}`:
                                        a token with these claims, good for so many seconds
  spent: 0.5                            dollars that the tenant has spent today
  hurried: 50                           so many seconds pass in one, for what takes long
  mail: none                            no mail can be sent; or each is `refused`, `unavailable`
  model: [{tokens: [Hel, {gate: g}, lo]}]   steps of the scripted Messages API; it holds its
                                        breath at a gate until `model passes: g`
when:                                   one after the other; who, what, with what
  - ann connects:                       {query, as, token, refused: <HTTP status>}
  - ann opens: {session: s, conversation: c}    create a session and name its ids; other
                                        fields go into the frame
  - ann sends: {action: ping}           a frame; a text goes out as it is. A field may be
                                        {signed: {sub: ann}} or {vouched: {user: ann, ago: 0}}:
                                        a token, an `authContext` (`papers.py`)
  - ann sends-binary: text
  - ann gets: {type: pong, requestId: "<absent>"}   the next event of that request, what streams
                                        left out unless its type is asked for; a list for several
  - ann asks: {in: "${s}", request: q1, message: Hi, reply: Hello}     one whole turn
  - ann is-heard:                       wait until every frame so far has been handled
  - ann finds: {frame: {action: …}, event: {data: …}}     asks until the answer is this one
  - ann is-closed: 1009
  - ann leaves:
  - time passes: 60                     put the wall clock forward, in seconds
  - time stands:                        from here on the wall clock moves only so
  - model passes: g
  - tool passes: g
  - tool reaches: g                     wait until a tool stands there
  - model was-asked: 2                  wait until it got so many requests
  - workers rest:                       wait until nobody works: what is left waits for people
  - mail comes: {to: ann@example.org, code: "${code}", other: "${other}"}    the next mail that
                                        is sent, its `subject`, its `text`, the code in it, and
                                        a code that it is not; no mail may come unforeseen
then:
  shown: {q1: [Let me see., {call: …}]} what streams between the acceptance of a turn and its end,
                                        in order, and what people are asked: see `shown.py`. Of
                                        other turns only text may stream
  asked: [{messages: […]}]              what the model was asked, all of it
  called: [{method: POST, path: /}]     what the server was asked, all of it
  kept: [{contains: some text}]         what was kept beside the conversations
  refused: [q1]                         request ids that also got an `error` for another frame
  silent: [q1]                          turns of which only the acceptance and the end are sent
  partial: {q1: Hel}                    turns whose pieces are some beginning of that text
  copies: [q1]                          turns whose end comes again, for who came or asked again
  apart: [q1]                           request ids that several sessions use

A file may begin with a document that is nothing but a `given`: that of all its scenarios. What a
scenario's own `given` has takes the place of what stands there under the same name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Scenario = Mapping[str, Any]

MAX_NAME = 100
"""Characters; pytest shows a number in place of a longer name, and does not find it."""

DATA = Path(__file__).parent / "data"


def load(folder: Path = DATA) -> dict[str, Scenario]:
    """All scenarios by name."""
    found: dict[str, Scenario] = {}
    for path in sorted(folder.glob("*.yaml")):
        common: Mapping[str, Any] = {}
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            if document.keys() == {"given"}:
                assert not common, f"{path.stem} has two documents of what is given"
                common = document["given"]
                continue
            name = f"{path.stem}: {document['scenario']}"
            assert name not in found, f"{name} stands there twice"
            assert len(name) <= MAX_NAME, f"{name} is too long: {len(name)} characters"
            found[name] = {**document, "given": {**common, **document.get("given", {})}}
    return found
