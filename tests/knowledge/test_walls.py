"""What a reader gets says nothing about what they may not see.

It is compared with an index in which the other documents never were: the same pieces, in the same
order, with the same scores.
"""

from hypothesis import given
from hypothesis import strategies as st

from shared.knowledge.access import Acl
from shared.knowledge.documents import Document
from shared.knowledge.port import Reader
from tests.knowledge.support import index

USERS = ["ann", "bob", "cid"]
GROUPS = ["support", "sales", "ann"]
WORDS = ["refund", "order", "lamp", "warranty", "parcel", "the", "returns", "returned", "Gerät"]

names = st.frozensets(st.sampled_from(USERS))
groups = st.frozensets(st.sampled_from(GROUPS))
acls = st.builds(Acl, public=st.booleans(), users=names, groups=groups)
sentences = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
texts = st.lists(
    st.tuples(st.sampled_from(["", "# ", "\n", "```\n"]), sentences).map("".join), max_size=5
).map("\n".join)
libraries = st.lists(st.tuples(st.sampled_from(WORDS), texts, acls), max_size=14).map(
    lambda found: [
        Document(id=f"{number:02}.md", title=title, text=text, acl=acl)
        for number, (title, text, acl) in enumerate(found)
    ]
)
readers = st.builds(
    Reader, tenant=st.just("t"), user=st.sampled_from([*USERS, "support"]), groups=groups
)


@given(libraries, readers, sentences, st.integers(1, 20))
def test_it_is_as_if_there_were_only_what_the_reader_may_see(
    library: list[Document], reader: Reader, query: str, limit: int
) -> None:
    own = [each for each in library if _may_read(each.acl, reader)]
    found = index(*library).search(query, reader=reader, limit=limit)
    assert found == index(*own).search(query, reader=reader, limit=limit)
    assert {each.id for each in found} <= {each.id for each in own}


def _may_read(acl: Acl, reader: Reader) -> bool:
    listed = reader.user in acl.users or bool(acl.groups & reader.groups)
    return acl.public or listed
