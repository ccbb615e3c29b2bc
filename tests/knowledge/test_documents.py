"""Front matter: what documents say of themselves, and what is refused."""

import pytest

from shared.backends.documents import MAX_FRONT, MAX_TITLE, MAX_URL, parse_document
from shared.knowledge.access import EVERYBODY, Acl
from shared.knowledge.documents import DocumentFault


def parse(text: str | bytes) -> object:
    return parse_document("a/b.md", text if isinstance(text, bytes) else text.encode())


def test_a_document_without_front_matter_is_for_everybody() -> None:
    document = parse_document("a/b.md", b"# Hello\n\nWorld.\n")
    assert (document.id, document.title, document.url) == ("a/b.md", "a/b.md", None)
    assert (document.text, document.acl) == ("# Hello\n\nWorld.\n", EVERYBODY)


def test_a_document_says_what_it_is_called_and_where_it_is() -> None:
    text = "\ufeff\r\n---\r\ntitle: Returns\r\nurl: https://example.com/r?a=1#b\r\n---\r\nText."
    document = parse_document("a.md", text.encode())
    assert (document.title, document.url) == ("Returns", "https://example.com/r?a=1#b")
    assert (document.text, document.acl) == ("Text.", EVERYBODY)


@pytest.mark.parametrize(
    ("acl", "read"),
    [
        ("{public: true}", Acl(public=True)),
        ("{public: false}", Acl()),
        ("{users: []}", Acl()),
        ("{users: [ann]}", Acl(users=frozenset({"ann"}))),
        ('{public: false, groups: [a, "1"]}', Acl(groups=frozenset({"a", "1"}))),
        (
            "\n  users: [ann]\n  groups:\n    - b",
            Acl(users=frozenset({"ann"}), groups=frozenset({"b"})),
        ),
    ],
)
def test_who_may_read_it(acl: str, read: Acl) -> None:
    assert parse_document("a.md", f"---\nacl: {acl}\n---\nText".encode()).acl == read


def test_front_matter_may_be_empty() -> None:
    document = parse_document("a.md", b"---\n# nothing yet\n---\nText")
    assert (document.text, document.acl) == ("Text", EVERYBODY)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("---\nacl:\n---\nText", 2, '"acl" is there, but empty'),
        ("---\nacl: {}\n---\nText", 2, '"acl" must have public'),
        ("---\nacl: nobody\n---\nText", 2, '"acl" must be an object such as'),
        ("---\nacl: [ann]\n---\nText", 2, '"acl" must be an object such as'),
        ("---\ntitle: A\nacl: {users: ann}\n---\nText", 3, '"acl.users" must be a list'),
        ("---\nacl: {users: }\n---\nText", 2, '"acl.users" is there, but empty'),
        ("---\nacl: {users: [1]}\n---\nText", 2, '"acl.users.0" must be a text'),
        ("---\nacl: {users: ['']}\n---\nText", 2, '"acl.users.0" must be a name'),
        ("---\nacl: {users: [' ann']}\n---\nText", 2, '"acl.users.0" must be a name'),
        ("---\nacl: {public: 1}\n---\nText", 2, '"acl.public" must be true or false'),
        ("---\nacl: {public: 'false'}\n---\nText", 2, '"acl.public" must be true or false'),
        ("---\nacl:\n  public: true\n  users: [a]\n---\nText", 3, '"acl.public" is true, but'),
        ("---\nacl:\n  group: [a]\n---\nText", 3, 'did you mean "groups"'),
        ("---\nACL: {users: [a]}\n---\nText", 2, 'did you mean "acl"'),
        ("---\nacl: {users: [a]}\nacl: {public: true}\n---\nText", 3, "a second time"),
        ("---\nacl: &a {users: [a]}\n---\nText", 2, "anchors are not supported"),
        ("---\nacl: {users: [a}\n---\nText", 2, "the list that opens here"),
        ("---\nacl: {users: [a]}\nText", 1, "never closed"),
        ("----\nacl: {users: [a]}\n----\nText", 1, "between two lines ---"),
        ("+++\nacl = 1\n+++\nText", 1, "between two lines ---"),
        ("\nacl: {users: [a]}\n---\nText", 2, "between two lines ---"),
        ("---\ntitle: A\n---\nacl: {users: [a]}\n---\nText", 3, "goes on below"),
        ("---\n- acl\n---\nText", 2, "It must be an object such as title: Returns"),
        ("---\ntitle: [A]\n---\nText", 2, '"title" must be a text'),
        (f"---\ntitle: {'A' * (MAX_TITLE + 1)}\n---\nText", 2, '"title" must be one line'),
        ("---\nurl: javascript:alert(1)\n---\nText", 2, '"url" must be an address'),
        ("---\nurl: https://\n---\nText", 2, '"url" must be an address'),
        ("---\nurl: https://a:b@example.com\n---\nText", 2, '"url" must be an address'),
        ("---\nurl: 'https://[x'\n---\nText", 2, '"url" must be an address'),
        (f"---\nurl: https://e.com/{'a' * MAX_URL}\n---\nText", 2, '"url" must be an address'),
        (f"---\n{'#' * (MAX_FRONT + 1)}\n---\nText", 1, "front matter is larger"),
        ("", None, "there is nothing in it"),
        (" \n\n", None, "there is nothing in it"),
        (b"Text\n\xff", 2, "not UTF-8"),
    ],
)
def test_what_is_not_valid_is_refused_with_its_line(
    text: str | bytes, line: int | None, reason: str
) -> None:
    with pytest.raises(DocumentFault) as fault:
        parse(text)
    assert reason in str(fault.value)
    assert fault.value.line == line


ACL = "acl: {groups: [hr]}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"# Salaries\n---\n{ACL}\n---\nMuch.", 3),
        (f"<!-- {ACL} -->\nMuch.", 1),
        (f"description: x\n{ACL}\n\nMuch.", 2),
        (f"—\n{ACL}\n—\nMuch.", 2),
        (f"***\n{ACL}\n***\nMuch.", 2),
        (f"```yaml\n{ACL}\n```\nMuch.", 2),
        (f"---\ntitle: Pay\n---\n\n- {ACL}\n", 5),
        (f"Much.\n{48 * chr(10)}{ACL}\n", 50),
        ('Much.\n "ACL" : x\n', 2),
    ],
)
def test_an_acl_outside_the_front_matter_is_none_and_is_not_overlooked(
    text: str, line: int
) -> None:
    with pytest.raises(DocumentFault, match="at the very beginning") as wrong:
        parse_document("pay.md", text.encode())
    assert wrong.value.line == line


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff\ufeff", "\u200b", "\ufeff\u2060"])
def test_marks_that_nobody_sees_hide_no_front_matter(mark: str) -> None:
    read = parse_document("pay.md", f"{mark}---\n{ACL}\n---\nMuch.".encode()).acl
    assert read == Acl(groups=frozenset({"hr"}))


@pytest.mark.parametrize(
    "text",
    [
        f"# How to write documents\n\n```yaml\n{ACL}\n```\n",
        f"# How\n\n~~~\n{ACL}\n~~~\nDone.",
        f"Much.\n{50 * chr(10)}{ACL}\n",
        "An acl: what is that?",
        "A miracle: much.",
    ],
)
def test_what_only_speaks_of_one_is_for_everybody(text: str) -> None:
    assert parse_document("how.md", text.encode()).acl == EVERYBODY


def test_who_has_one_may_speak_of_others() -> None:
    read = parse_document("pay.md", f"---\n{ACL}\n---\nMuch.\n{ACL}\n".encode()).acl
    assert read == Acl(groups=frozenset({"hr"}))
