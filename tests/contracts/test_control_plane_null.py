"""The contract of the control plane where there is none."""

import pytest

from shared.backends.null_control_plane import NullControlPlane
from tests.contracts.control_plane_contract import (
    TENANT,
    CallsContract,
    NothingContract,
    end,
    segment,
)


class TestNull(CallsContract, NothingContract):
    @pytest.fixture
    def plane(self) -> NullControlPlane:
        return NullControlPlane()

    def test_nothing_is_found_and_nothing_is_remembered(self, plane: NullControlPlane) -> None:
        assert list(plane.search("handbook", "returns", tenant=TENANT, user="ann", groups=())) == []
        plane.add_transcript(segment("unheard of"), key="k")
        plane.finalize_call(end("unheard of"), key="k")
