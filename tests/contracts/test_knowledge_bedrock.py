"""Bedrock Knowledge Bases: what is asked, and what of the answers is given."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import ANY, Stubber

from shared.knowledge.bedrock import MAX_GROUPS, BedrockKnowledge, client_config
from shared.knowledge.port import MAX_QUERY, KnowledgeUnavailable, Passage, Reader

BASE = "ABCDE12345"
ANN = Reader(tenant="t", user="ann", groups=frozenset({"support", "sales"}))


@pytest.fixture
def bedrock() -> Iterator[Any]:
    made = boto3.session.Session().client(
        "bedrock-agent-runtime",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=client_config(),
    )
    yield made
    made.close()


@pytest.fixture
def stubbed(bedrock: Any) -> Iterator[Stubber]:
    with Stubber(bedrock) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def result(text: str, **metadata: Any) -> dict[str, Any]:
    return {
        "content": {"text": text},
        "location": {"type": "S3", "s3Location": {"uri": f"s3://docs/{text}.md"}},
        "score": 0.5,
        "metadata": metadata,
    }


def answered(stubbed: Stubber, *results: dict[str, Any]) -> None:
    stubbed.add_response("retrieve", {"retrievalResults": list(results)})


def found(bedrock: Any, reader: Reader = ANN, query: str = "lamp", limit: int = 5) -> list[Passage]:
    return list(BedrockKnowledge(lambda: bedrock, BASE).search(query, reader=reader, limit=limit))


def test_it_asks_for_what_the_reader_may_see(bedrock: Any, stubbed: Stubber) -> None:
    stubbed.add_response(
        "retrieve",
        {"retrievalResults": []},
        {
            "knowledgeBaseId": BASE,
            "retrievalQuery": {"text": "lamp"},
            "retrievalConfiguration": {
                "vectorSearchConfiguration": {
                    "numberOfResults": 5,
                    "filter": {
                        "orAll": [
                            {"equals": {"key": "acl_public", "value": True}},
                            {"listContains": {"key": "acl_users", "value": "ann"}},
                            {"listContains": {"key": "acl_groups", "value": "sales"}},
                            {"listContains": {"key": "acl_groups", "value": "support"}},
                        ]
                    },
                }
            },
        },
    )
    assert found(bedrock) == []


def test_of_very_many_groups_some_are_asked_for(bedrock: Any, stubbed: Stubber) -> None:
    asked: list[Any] = []
    bedrock.meta.events.register(
        "provide-client-params.bedrock-agent-runtime.Retrieve",
        lambda params, **_: asked.append(params),
    )
    stubbed.add_response(
        "retrieve",
        {"retrievalResults": []},
        {"knowledgeBaseId": ANY, "retrievalQuery": ANY, "retrievalConfiguration": ANY},
    )
    many = Reader(tenant="t", user="ann", groups=frozenset(f"g{n:03}" for n in range(99)))
    found(bedrock, many, query="x" * (MAX_QUERY + 1), limit=99)
    [params] = asked
    search = params["retrievalConfiguration"]["vectorSearchConfiguration"]
    assert len(search["filter"]["orAll"]) == MAX_GROUPS + 2
    assert search["numberOfResults"] == 20
    assert params["retrievalQuery"]["text"] == "x" * MAX_QUERY


def test_what_comes_back_is_looked_at_again(bedrock: Any, stubbed: Stubber) -> None:
    answered(
        stubbed,
        result("nobody-said"),
        result("public", acl_public=True),
        result("public-in-words", acl_public="true"),
        result("not-public", acl_public=False),
        result("hers", acl_users=["bob", "ann"]),
        result("his", acl_users=["bob"]),
        result("no-list", acl_users="ann", acl_groups="support"),
        result("theirs", acl_users=[], acl_groups=["support"]),
        result("others", acl_groups=["admins"]),
        {"content": {"text": "bare"}},
    )
    assert [each.text for each in found(bedrock, limit=20)] == ["public", "hers", "theirs"]


def test_passages_say_where_they_come_from(bedrock: Any, stubbed: Stubber) -> None:
    web = {"type": "WEB", "webLocation": {"url": "https://example.com/a"}}
    answered(
        stubbed,
        result("a", acl_public=True, title="Returns", url="https://example.com/returns"),
        result("b", acl_public=True, title=" ", url="javascript:alert(1)"),
        {**result("c", acl_public=True), "location": web},
        {"content": {"text": "d"}, "metadata": {"acl_public": True}},
    )
    a, b, c, d = found(bedrock)
    assert a == Passage(
        id="s3://docs/a.md",
        title="Returns",
        text="a",
        url="https://example.com/returns",
        score=0.5,
    )
    assert (b.title, b.url) == ("b.md", None)
    assert (c.id, c.title, c.url) == ("https://example.com/a", "a", "https://example.com/a")
    assert (d.id, d.title, d.url, d.score) == ("document", "document", None, 0.0)


@pytest.mark.parametrize(("query", "limit"), [(" ", 5), ("lamp", 0)])
def test_where_nothing_is_asked_nobody_is(bedrock: Any, query: str, limit: int) -> None:
    with Stubber(bedrock):
        assert found(bedrock, query=query, limit=limit) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("AccessDeniedException", "access is denied; name it in KnowledgeBaseArns"),
        ("ResourceNotFoundException", "there is no such knowledge base"),
        ("ThrottlingException", "it is asked too often"),
        ("ValidationException", "it does not take the request"),
        ("InternalServerException", "it refuses"),
    ],
)
def test_what_bedrock_says_is_not_repeated(
    bedrock: Any, stubbed: Stubber, code: str, reason: str
) -> None:
    stubbed.add_client_error("retrieve", code, "the query was SECRET", 400)
    with pytest.raises(KnowledgeUnavailable, match=reason) as fault:
        found(bedrock)
    assert "SECRET" not in str(fault.value)


def test_bedrock_does_not_answer() -> None:
    def absent() -> Any:
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1:9")

    with pytest.raises(KnowledgeUnavailable, match="Knowledge base ABCDE12345 does not answer"):
        BedrockKnowledge(absent, BASE).search("lamp", reader=ANN, limit=1)
