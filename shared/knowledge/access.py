"""Who may read a document."""

from dataclasses import dataclass

from shared.knowledge.port import Reader


@dataclass(frozen=True, kw_only=True)
class Acl:
    """Everybody if it is public; else the users and the groups that it names, which may be none."""

    public: bool = False
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def admits(self, reader: Reader) -> bool:
        return self.public or reader.user in self.users or not self.groups.isdisjoint(reader.groups)


EVERYBODY = Acl(public=True)
"""Of a document that says nothing about it: everybody whom the deployment serves."""
