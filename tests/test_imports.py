"""What each function loads: a cold start pays for every module.

Each measurement is a process of its own, with the environment of a deployed function.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ENVIRONMENT = {
    "TABLE_NAME": "parley-table",
    "BUCKET_NAME": "parley-bucket",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/parley",
    "CONNECTIONS_URL": "https://abc.execute-api.eu-central-1.amazonaws.com/prod",
    "SERVICE_TOKEN": "a-token-that-opens-nothing",
    "SIGNING_SECRET": "a-secret-that-signs-nothing",
    "ANTHROPIC_API_KEY": "a-key-that-pays-nothing",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
}

LOGGING = {"aws_lambda_powertools", "botocore", "jmespath"}
SETTINGS = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions"} | {
    "typing_inspection"
}
STORE = {"boto3", "s3transfer", "dateutil", "six", "certifi", "urllib3", "tenacity"}
YAML = {"yaml"}
WEB = {"fastapi", "starlette", "mangum", "anyio", "sniffio", "annotated_doc", "opentelemetry"}

BASE = LOGGING | SETTINGS
NOWHERE = {
    "rich",
    "prompt_toolkit",
    "anthropic",
    "httpx",
    "httpx2",
    "click",
    "uvicorn",
    "websockets",
    "moto",
    "cryptography",
}

FUNCTIONS = {
    "ws_connect": "admission",
    "send_message": "frames",
    "worker": "drain",
    "sweep": "sweep",
    "executor": "http",
}
"""Each function, and what one event needs of the wiring."""

ALLOWED_AT_IMPORT = dict.fromkeys(FUNCTIONS, BASE) | {"executor": BASE | {"mangum"}}
ALLOWED_IN_USE = {
    "ws_connect": BASE | STORE,
    "send_message": BASE | STORE | YAML,
    "worker": BASE | STORE | YAML,
    "sweep": BASE | STORE,
    "executor": BASE | STORE | YAML | WEB,
}
MODULES_AT_IMPORT = {
    "ws_connect": 320,
    "send_message": 320,
    "worker": 327,
    "sweep": 320,
    "executor": 380,
}
MODULES_IN_USE = {
    "ws_connect": 595,
    "send_message": 690,
    "worker": 720,
    "sweep": 590,
    "executor": 910,
}

# What an installed checkout, a compiled extension and the interpreter itself leave there.
_NOISE = (
    *("__editable__", "__main__", "__mp_main__", "_distutils_hack", "_sysconfigdata"),
    *("_cython_", "cython_runtime"),
)


@cache
def loaded(function: str, builds: str | None) -> frozenset[str]:
    """The modules that are loaded once the function has been imported, or has built its part."""
    build = f"from shared import wiring; wiring.current().{builds}" if builds else ""
    script = (
        f"import functions.{function}.handler\n{build}\n"
        "import json, sys; print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return frozenset(json.loads(ran.stdout))


def third_party(modules: frozenset[str]) -> set[str]:
    """The packages among them that are neither ours nor Python's."""
    packages = {name.split(".")[0] for name in modules}
    ours = {"shared", "functions"}
    return {
        name for name in packages - sys.stdlib_module_names - ours if not name.startswith(_NOISE)
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_importing_a_handler_loads_neither_boto3_nor_a_framework(function: str) -> None:
    modules = loaded(function, None)
    assert third_party(modules) <= ALLOWED_AT_IMPORT[function]
    assert len(modules) <= MODULES_AT_IMPORT[function]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_loads_only_what_its_events_need(function: str) -> None:
    modules = loaded(function, FUNCTIONS[function])
    assert third_party(modules) <= ALLOWED_IN_USE[function]
    assert not third_party(modules) & NOWHERE
    assert len(modules) <= MODULES_IN_USE[function]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_local_is_loaded_on_aws(function: str) -> None:
    modules = loaded(function, FUNCTIONS[function])
    local = {name for name in modules if name.startswith(("shared.local", "shared.cli"))}
    adapters = {"shared.storage.sqlite", "shared.storage.folder", "shared.messaging.in_process"}
    assert not local
    assert not modules & (adapters | {"sqlite3"})


def test_the_parts_are_not_loaded_by_the_wrong_functions() -> None:
    web = {"shared.web.app", "fastapi"}
    for function in FUNCTIONS.keys() - {"executor"}:
        assert not loaded(function, FUNCTIONS[function]) & web, function
    for function in FUNCTIONS.keys() - {"worker"}:
        assert "shared.mailbox.drain" not in loaded(function, FUNCTIONS[function]), function
