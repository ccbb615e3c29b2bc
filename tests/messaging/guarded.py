"""URLs that nobody may have called, and the two places where people set some.

`PORT` in a form stands for the port of a server on 127.0.0.1: whatever lets such a URL through
reaches it, and it counts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.messaging.addresses import AddressGuard
from shared.settings import Settings
from shared.storage.sqlite import SqliteTable
from shared.tools.port import Tool
from shared.wiring import Deployment

PUBLIC = "93.184.216.34"

LOOPBACK = (
    *("127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "0X7F.0.0.1"),
    *("2130706433", "0177.0.0.1", "017700000001", "0177.1", "0", "0.0.0.0", "0x0"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:FFFF:7F00:0001]"),
    *(
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "127\u30020\u30020\u30021",
        "\u2460\u2461\u2466.1",
    ),
)
OTHERS = (
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.254"),
    *("192.0.0.1", "192.0.0.9", "192.0.2.1", "198.18.0.1", "198.19.255.255", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255", "167772161", "012.0.0.1", "0xa9.0xfe.0xa9.0xfe"),
    *("[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fd00:ec2::254]", "[fc00::1]"),
    *("[fec0::1]", "[ff02::1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[::10.0.0.1]"),
    *("[::ffff:0:10.0.0.1]", "[2002:a00:1::1]", "[2002:7f00:1::]", "[64:ff9b::10.0.0.1]"),
    *("[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::10.0.0.1]", "[2001:0:4136:e378:8000:63bf:f5ff:fffe]"),
    *("[2001:db8::1]", "[100::1]"),
)
TRICKS = (
    *("http://a.example@127.0.0.1:PORT/", "http://a.example:80@127.0.0.1:PORT/"),
    *(
        "http://@127.0.0.1:PORT/",
        "http://127.0.0.1:PORT\\@a.example/",
        "http://a.example\\@127.0.0.1/",
    ),
    *("http:\\\\127.0.0.1:PORT/", "http:/\\127.0.0.1:PORT/", "http:///127.0.0.1:PORT/"),
    *("http:127.0.0.1:PORT/", "//127.0.0.1:PORT/", "http://127.0.0.1:PORT#@a.example/"),
    *("http://127.0.0.1:PORT?@a.example/", "ht\ntp://127.0.0.1:PORT/", "\thttp://127.0.0.1:PORT/"),
    *("http://127.0.0\t.1:PORT/", "http://127.0.0.1\n:PORT/", "http://127.0.0.1:PORT/\r\nX-A: b"),
    *("http://a.example /", "http://127.0.0.1%00.a.example/", "http://127.0.0.1%2f@a.example/"),
    *("http://%31%32%37.0.0.1:PORT/", "http://127.0.0.1\u2100.example/", "http://a\u00ad.example/"),
    *("http://[::1", "http://[::1].a.example:PORT/", "http://[127.0.0.1]:PORT/", "http://[v1.a]/"),
    *("http://a.example:0/", "http://a.example:65536/", "http://a.example:80:80/", "http://:PORT/"),
    *("HTTP://127.0.0.1:PORT/", "HttP://0x7F.1:PORT/", "gopher://127.0.0.1:PORT/"),
    *("file:///etc/passwd", "ftp://127.0.0.1:PORT/", "javascript:alert(1)", "data:,x", "x" * 2049),
    *("http://a..example/", "http://a.example../", "http://xn--\u00fc.example/"),
)
FORMS = (
    *(f"http://{host}:PORT/" for host in LOOPBACK),
    *(f"https://{host}/" for host in OTHERS),
    *TRICKS,
)
"""None of these may be called, whatever a name in it resolves to."""

PRIVATE_ANSWERS: tuple[Sequence[str], ...] = (
    *(["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"]),
    *(["fe80::1%2"], ["64:ff9b::7f00:1"], ["100.64.0.1"], ["0.0.0.0"]),
    *([PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["2606:2800:220:1::1", "::1"]),
)
"""What a resolver may say of a name that then may not be called."""


class Resolver:
    """Gives one answer after another, and the last one from then on."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextmanager
def agents_with(
    folder: Path,
    url: str,
    *,
    guard: AddressGuard | None = None,
    method: str = "GET",
    places: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Iterator[Deployment]:
    """A deployment with the agent `shop`, whose one tool has this URL, with these `places` in it.
    Without a guard it has the one that its settings ask for."""
    parameters = {"type": "object", "properties": {name: {"type": "string"} for name in places}}
    tool = {
        "name": "fetch",
        "description": "Fetch it",
        "parameters": {**parameters, "required": list(places), "additionalProperties": True},
        "http": {"url": url, "method": method},
    }
    agents = folder / "agents"
    agents.mkdir(exist_ok=True)
    fields = {"name": "Shop", "instructions": "Help.", "tools": [tool]}
    # JSON is YAML.
    (agents / "shop.yaml").write_text(json.dumps(fields))
    variables = {"WORKSPACE_BASE": str(folder), "ASSISTANT_LOCAL_CONFIG_DIR": str(agents)}
    given = Settings.load({**variables, **(environ or {})}, loopback=True)
    deployment = Deployment(given)
    deployment.engine = SqliteTable(folder / "agents.db")
    if guard is not None:
        deployment.guard = guard
    try:
        yield deployment
    finally:
        deployment.close()


def the_tool(deployment: Deployment) -> Tool:
    [found] = deployment.equipped_agents.equipped("shop", "local").toolbox
    return found


def guarded(settings: Settings, resolver: Resolver) -> AddressGuard:
    """The guard of these settings, for which names mean what the resolver says."""
    return AddressGuard(
        allowed_hosts=settings.allowed_hosts,
        allow_private=settings.allow_private_addresses,
        resolver=resolver,
    )


def settings(**environ: str) -> Settings:
    return Settings.load(environ, loopback=True)


def named(forms: Sequence[str], port: int) -> Mapping[str, str]:
    """The forms by themselves, with that port."""
    return {form: form.replace("PORT", str(port)) for form in forms}
