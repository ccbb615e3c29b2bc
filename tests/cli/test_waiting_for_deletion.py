"""`parley delete` while it waits: whatever the server says meanwhile, the deletion goes on."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.cli.chat.faults import Refused, Unreachable
from shared.cli.delete import LOOKS, PAUSE, SILENT, delete
from tests.cli.test_api import answer, error, saying

ACCEPTED = answer(202, {"deletion_id": "del_1"})
GOES_ON = answer(200, {"deletion_id": "del_1", "status": "deleting"})
DONE = answer(
    200, {"deletion_id": "del_1", "status": "deleted", "items": 3, "files": 2, "conversations": 1}
)
AWAY = answer(502, "<html>")
PATH = "/users/ann/data"


def test_its_id_is_said_at_once_and_its_end_at_last(capsys: pytest.CaptureFixture[str]) -> None:
    with saying(ACCEPTED, GOES_ON, DONE) as (api, asked, clock):
        assert delete(api, PATH, wait=True, as_json=False) == 0
    assert [event["rawPath"] for event in asked] == [PATH, "/deletions/del_1", "/deletions/del_1"]
    assert clock.sleeps == [PAUSE]
    said = capsys.readouterr()
    assert said.out == "deleted\tdel_1\t3 items, 2 files, 1 conversations\n"
    assert said.err == "Deleting: del_1. It goes on without this command.\n"


@pytest.mark.parametrize(
    "passing",
    [AWAY, error(503, "SERVICE_UNAVAILABLE"), error(500, "INTERNAL_ERROR"), answer(200, [])],
)
def test_a_server_that_is_away_for_a_while_is_waited_for(passing: Mapping[str, Any]) -> None:
    away = [passing] * (SILENT - 1)
    with saying(ACCEPTED, *away, GOES_ON, *away, DONE) as (api, asked, clock):
        assert delete(api, PATH, wait=True, as_json=False) == 0
    assert len(asked) == 2 * SILENT + 1
    assert set(clock.sleeps) == {PAUSE}


def test_one_that_stays_away_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with saying(ACCEPTED, AWAY) as (api, asked, _), pytest.raises(Unreachable):
        delete(api, PATH, wait=True, as_json=False)
    assert len(asked) == 1 + SILENT
    assert "del_1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("final", "kind"),
    [(error(401), Unreachable), (error(404, "DELETION_NOT_FOUND"), Refused)],
)
def test_what_will_not_pass_ends_the_waiting(
    final: Mapping[str, Any], kind: type[Exception]
) -> None:
    with saying(ACCEPTED, GOES_ON, final) as (api, asked, _), pytest.raises(kind):
        delete(api, PATH, wait=True, as_json=False)
    assert len(asked) == 3


def test_a_server_that_does_not_take_it_is_asked_once() -> None:
    with saying(AWAY) as (api, asked, _), pytest.raises(Unreachable):
        delete(api, PATH, wait=True, as_json=False)
    assert len(asked) == 1


def test_nobody_waits_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    with saying(ACCEPTED, GOES_ON) as (api, asked, _):
        assert delete(api, PATH, wait=True, as_json=False) == 1
    assert len(asked) == 1 + LOOKS
    assert capsys.readouterr().out == "deleting\tdel_1\n"
