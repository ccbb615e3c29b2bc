"""Several servers of one deployment: the AWS set in processes of their own.

    with server_processes(place, model.base_url) as (here, there): ...

Each has its own gateway and workers. On AWS one connection API reaches all clients, so here each
process is told of the gateways of the others, and posts to where a connection is.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shared import aws
from shared.messaging.connection_api import ConnectionApiPush
from shared.messaging.push import Push
from tests.support.deployments import Place, Variables, aws_set

ROOT = Path(__file__).resolve().parents[2]
READY = "ready"


class Everywhere:
    """The Push port over several gateways: a connection is at one of them."""

    def __init__(self, gateways: Sequence[Push]) -> None:
        self._gateways = gateways

    def post(self, connection: str, data: bytes) -> bool:
        return any(gateway.post(connection, data) for gateway in self._gateways)

    def close(self, connection: str) -> None:
        for gateway in self._gateways:
            gateway.close(connection)


class ServerProcess:
    """One of them. Its standard input ends it, so it never outlives the test."""

    def __init__(self, place: Place, model_url: str, variables: Variables) -> None:
        arguments = [place.to_json(), model_url, json.dumps(dict(variables))]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.server_process", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._line()

    @property
    def socket_url(self) -> str:
        return self.url.replace("http://", "ws://") + "/ws"

    def introduce(self, urls: Sequence[str]) -> None:
        """Tell it where clients may be."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(urls) + "\n")
        self._process.stdin.flush()
        assert self._line() == READY

    def stop(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
        assert process.returncode == 0, "a server process did not end well"

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "a server process did not start"
        return line


@contextmanager
def server_processes(
    place: Place, model_url: str, variables: Variables | None = None, *, count: int = 2
) -> Iterator[list[str]]:
    """The addresses of the WebSocket API of each process."""
    with ExitStack() as cleanup:
        servers = []
        for _ in range(count):
            server = ServerProcess(place, model_url, variables or {})
            cleanup.callback(server.stop)
            servers.append(server)
        for server in servers:
            server.introduce([each.url for each in servers])
        yield [server.socket_url for server in servers]


def main() -> None:
    place, model_url, variables = sys.argv[1:]
    with aws_set(Place(**json.loads(place)), model_url, json.loads(variables)) as running:
        answers = sys.stdout
        # Metrics go to standard output as well, which nobody reads once the answers are out.
        sys.stdout = sys.stderr
        answers.write(running.url + "\n")
        answers.flush()
        urls = json.loads(sys.stdin.readline() or "[]")
        clients = [aws.connections_client(url, local=False) for url in urls]
        running.deployment.push = Everywhere([ConnectionApiPush(client) for client in clients])
        answers.write(READY + "\n")
        answers.flush()
        sys.stdin.read()
        for client in clients:
            client.close()


if __name__ == "__main__":
    main()
