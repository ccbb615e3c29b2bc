"""Every URL that a caller or an agent file can set, and none of the forms that it may have.

It is refused when it is set, as far as that can be said then, and again when it is used.
"""

import importlib
import pkgutil
import socket
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import shared
from shared.errors import ConfigurationError
from shared.mailbox.box import BoxKey
from shared.mailbox.deliveries import KIND, delivery
from shared.messaging.addresses import AddressGuard
from shared.messaging.http import AddressRefused
from shared.messaging.http_client import GuardedHttpClient
from shared.messaging.http_post import GuardedHttpPost
from shared.messaging.wakes import Wake
from shared.tools.port import ToolFault
from shared.wiring import Deployment
from tests.messaging.guarded import (
    FORMS,
    PRIVATE_ANSWERS,
    PUBLIC,
    Resolver,
    agents_with,
    guarded,
    named,
    settings,
    the_tool,
)
from tests.messaging.receivers import PATIENT, Receiver, receiver
from tests.tools.calls import context
from tests.web.site import Site, site_in

SET_BY_OTHERS = {
    "shared.web.turn_bodies.NewTurn.callback_url",
    "shared.tools.specs.HttpSpec.url",
    "shared.protocol.attachments.Image.url",
    "shared.protocol.attachments.File.url",
}
"""The fields whose URLs callers and agents' authors choose. Each is tested below."""

OF_OPERATORS = {
    "shared.settings.Settings.queue_url": "the deployment's own queue, from its template",
    "shared.settings.Settings.connections_url": "the deployment's own connection API",
    "shared.settings.Settings.database_url": "a file of this machine",
    "shared.settings.Settings.anthropic_base_url": "the model's service, or a proxy before it",
    "shared.settings.Settings.backend_url": "the operator's own backend, most often a private one",
    "shared.backends.http_answers.Found.url": "said by that backend; nobody here asks for it",
    "shared.backends.documents._Front.url": "shown to readers; nobody here asks for it",
    "shared.web.uploads.Upload.url": "said by us; nobody here asks for it",
    "shared.settings.Settings.auth_jwks_url": "the operator's own issuer of tokens",
}
"""The fields that only whoever runs the deployment sets, and what they are: no guard for them."""

ENDINGS = ("url", "uri", "href", "endpoint", "webhook", "callback")


def _models(base: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for each in base.__subclasses__():
        yield each
        yield from _models(each)


def _is_url(*names: Any) -> bool:
    return any(str(name).lower().endswith(ENDINGS) for name in names if name)


def test_no_field_with_a_url_is_forgotten() -> None:
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)
    found = {
        f"{model.__module__}.{model.__name__}.{name}"
        for model in _models()
        for name, field in model.model_fields.items()
        if model.__module__.startswith("shared.") and _is_url(name, field.alias)
    }

    assert found == SET_BY_OTHERS | OF_OPERATORS.keys()


def test_no_parameter_of_a_route_is_a_url(tmp_path: Path) -> None:
    with site_in(tmp_path) as site:
        routes = site.ask("GET", "/openapi.json").body["paths"]
    parameters = [
        parameter["name"]
        for route in routes.values()
        for operation in route.values()
        for parameter in operation.get("parameters", ())
    ]

    assert parameters
    assert not any(map(_is_url, parameters))


@pytest.mark.parametrize("kind", ["images", "files"])
@pytest.mark.parametrize("form", [form.replace("http:", "https:") for form in FORMS])
def test_an_attachment_may_have_none_of_these_forms(
    tmp_path: Path, server: Receiver, form: str, kind: str
) -> None:
    """It is refused at once where it cannot be one; else the model is told of it."""
    entry = {"url": named([form], server.port)[form], "name": "a"}
    with site_in(tmp_path) as site:
        site.deployment.attachment_guard = AddressGuard(resolver=Resolver([PUBLIC]))
        answer = site.turn("Hi", wait=0, **{kind: [entry]})
        site.work()
        asked = site.model.requests

    assert server.got == []
    if answer.status == 422:
        assert answer.body["detail"].startswith(f"body.{kind}.0.url: ")
        assert asked == []
    else:
        assert "its address may not be called from here" in str(asked[0].messages)


@pytest.mark.parametrize("kind", ["images", "files"])
def test_what_tools_may_call_no_attachment_may_name(tmp_path: Path, kind: str) -> None:
    """Tools are their author's, attachments anybody's."""
    opened = {"ALLOW_PRIVATE_ADDRESSES": "true", "ALLOWED_HOSTS": "127.0.0.1"}
    with site_in(tmp_path, **opened) as site, socket.socket() as heard:
        heard.bind(("127.0.0.1", 0))
        heard.listen()
        heard.setblocking(False)
        url = f"https://127.0.0.1:{heard.getsockname()[1]}/internal"
        site.turn("Hi", **{kind: [{"url": url, "name": "a"} if kind == "files" else {"url": url}]})
        with pytest.raises(BlockingIOError):
            heard.accept()
    assert "its address may not be called from here" in str(site.model.requests[0].messages)


@pytest.mark.parametrize("answer", PRIVATE_ANSWERS, ids=str)
def test_an_attachment_may_not_name_a_host_with_a_private_address(
    tmp_path: Path, answer: list[str]
) -> None:
    resolver = Resolver(answer)
    with site_in(tmp_path, ALLOW_PRIVATE_ADDRESSES="true") as site:
        site.deployment.attachment_guard = AddressGuard(resolver=resolver)
        site.turn("Hi", files=[{"name": "a", "url": "https://files.example/a"}])
    assert resolver.asked == ["files.example"]
    assert "its address may not be called from here" in str(site.model.requests[0].messages)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("files.example.com", True), ("a.b.example.org", True), ("example.org", False)],
)
def test_the_hosts_of_attachments_are_a_setting(host: str, allowed: bool) -> None:
    hosts = {"ATTACHMENT_HOSTS": "Files.example.com, *.example.org", "ALLOWED_HOSTS": "x.example"}
    guard = Deployment(settings(**hosts)).attachment_guard
    with nullcontext() if allowed else pytest.raises(AddressRefused):
        guard.parse(f"https://{host}/a")


# -- when it is set ---------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


@pytest.mark.parametrize("form", FORMS)
def test_a_callback_may_have_none_of_these_forms(
    tmp_path: Path, server: Receiver, form: str
) -> None:
    with site_in(tmp_path) as site:
        site.deployment.guard = guarded(site.deployment.settings, Resolver([PUBLIC]))
        answer = site.turn("Hi", callback_url=named([form], server.port)[form])
        site.work()

    assert (answer.status, answer.body["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert "callback_url: " in answer.body["detail"]
    assert len(answer.body["detail"]) < 500
    assert site.model.requests == []
    assert server.got == []


@pytest.mark.parametrize("form", FORMS)
def test_a_tool_may_have_none_of_these_forms(tmp_path: Path, server: Receiver, form: str) -> None:
    url = named([form], server.port)[form]
    with agents_with(tmp_path, url) as deployment, pytest.raises(ConfigurationError) as caught:
        deployment.agents.list("local")

    said = caught.value.message
    assert said.startswith("agents/shop.yaml, line 1: ")
    assert '"tools.0.http' in said
    assert server.got == []


@pytest.mark.parametrize("answer", PRIVATE_ANSWERS, ids=str)
def test_a_callback_may_not_name_a_host_with_a_private_address(
    tmp_path: Path, answer: list[str]
) -> None:
    with site_in(tmp_path) as site:
        site.deployment.guard = AddressGuard(resolver=Resolver(answer))
        refused = site.turn("Hi", callback_url="https://hooks.example/")

    assert refused.status == 422
    assert refused.body["detail"] == (
        "callback_url: the host 'hooks.example' has a private address; "
        "set ALLOW_PRIVATE_ADDRESSES=true or use a public one"
    )


# -- when it is used --------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_request_to_any_of_these_forms_is_not_sent(server: Receiver, form: str) -> None:
    """By what callbacks and tools are sent with; for the latter, whatever the template became."""
    guard = AddressGuard(resolver=Resolver([PUBLIC]))
    url = named([form], server.port)[form]
    with pytest.raises(AddressRefused):
        GuardedHttpPost(guard).post(url, b"{}", {}, timeout=PATIENT)
    with pytest.raises(AddressRefused):
        GuardedHttpClient(guard).request("GET", url, None, {}, timeout=PATIENT, max_bytes=10)
    assert server.got == []


def deliver(site: Site, url: str) -> str:
    """Try once to deliver what the store holds for this URL; what is wrong with it."""
    deployment = site.deployment
    box = BoxKey(KIND, "default", "c1")
    deployment.table.write(delivery(deployment.requests, box, url, "{}", deployment.clock).writes)
    site.wakes.send([Wake(box.pk, box.tenant)])
    site.work()
    [item] = deployment.table.query(box.partition, prefix="DELIVERY#").items
    return str(item.attrs["error"])


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "localhost", "[::ffff:7f00:1]"])
def test_a_callback_that_is_stored_already_is_checked_before_it_is_sent(
    tmp_path: Path, server: Receiver, host: str
) -> None:
    with site_in(tmp_path) as site:
        error = deliver(site, f"http://{host}:{server.port}/")

    assert error.startswith("address refused: ")
    assert server.got == []


@pytest.mark.parametrize("answer", PRIVATE_ANSWERS, ids=str)
def test_a_host_that_became_private_since_is_not_called_back(
    tmp_path: Path, server: Receiver, answer: list[str]
) -> None:
    resolver = Resolver([PUBLIC], answer)
    with site_in(tmp_path) as site:
        site.deployment.guard = AddressGuard(resolver=resolver)
        url = f"http://rebinding.example:{server.port}/"
        assert site.turn("Hi", callback_url=url).status == 200
        site.work()

    assert len(resolver.asked) >= 2, "it was never tried"
    assert server.got == []


@pytest.mark.parametrize("answer", PRIVATE_ANSWERS, ids=str)
def test_a_tool_whose_host_has_a_private_address_sends_nothing(
    tmp_path: Path, server: Receiver, answer: list[str]
) -> None:
    guard = AddressGuard(resolver=Resolver(answer))
    url = f"http://api.example:{server.port}/"
    with agents_with(tmp_path, url, guard=guard) as deployment:
        tool = the_tool(deployment)
        with pytest.raises(ToolFault, match=r"may not be called.*nothing was sent"):
            tool.run({}, context())

    assert server.got == []


@pytest.mark.parametrize(
    "value",
    ["@127.0.0.1", ":80@127.0.0.1", "//127.0.0.1/", "\\\\127.0.0.1\\", "?@127.0.0.1", ".a.example"],
)
def test_no_argument_changes_the_host_that_a_tool_asks_for(
    tmp_path: Path, server: Receiver, value: str
) -> None:
    resolver = Resolver(["127.0.0.1"])
    guard = guarded(settings(ALLOW_PRIVATE_ADDRESSES="true"), resolver)
    url = f"http://api.example:{server.port}/{{id}}?q={{q}}"
    with agents_with(tmp_path, url, guard=guard, places=("id", "q")) as deployment:
        the_tool(deployment).run({"id": value, "q": value, "url": "http://10.0.0.1/"}, context())

    assert resolver.asked == ["api.example"]
    assert [got.headers["Host"] for got in server.got] == [f"api.example:{server.port}"]
