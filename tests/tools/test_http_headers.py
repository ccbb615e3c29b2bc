"""Headers of HTTP tools: what may be set, and where secrets come in."""

import pytest

from shared.errors import ConfigurationError
from shared.tools.http_headers import Headers

SECRETS = {"refunds": "s3cret", "two-of_them": "other"}


def test_secrets_are_filled_in() -> None:
    headers = Headers(
        {
            "X-Plain": "as it is {here}",
            "X-Key": "secret:refunds",
            "Authorization": "Bearer {secret:refunds}",
            "X-Both": "{secret:refunds}:{secret:two-of_them}",
        }
    )
    filled, used = headers.filled(SECRETS.__getitem__)

    assert filled == {
        "X-Plain": "as it is {here}",
        "X-Key": "s3cret",
        "Authorization": "Bearer s3cret",
        "X-Both": "s3cret:other",
    }
    assert set(used) == {"s3cret", "other"}


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "grün", "a\x00b"])
def test_a_secret_that_no_header_can_hold_is_refused_without_showing_it(value: str) -> None:
    headers = Headers({"Authorization": "secret:refunds"})
    with pytest.raises(ConfigurationError, match="secret refunds has characters") as caught:
        headers.filled(lambda _name: value)
    assert value not in str(caught.value)


def test_a_secret_is_not_read_for_further_secrets() -> None:
    headers = Headers({"Authorization": "secret:refunds"})
    filled, _ = headers.filled(lambda _name: "{secret:other}")
    assert filled == {"Authorization": "{secret:other}"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Host": "evil.example"}, "may not set the header Host"),
        ({"content-length": "0"}, "may not set the header content-length"),
        ({"Transfer-Encoding": "chunked"}, "may not set the header Transfer-Encoding"),
        ({"CONNECTION": "close"}, "may not set the header CONNECTION"),
        ({"Accept-Encoding": "gzip"}, "may not set the header Accept-Encoding"),
        ({"X-A": "1", "x-a": "2"}, "the same header twice"),
        ({"": "1"}, "whose name is not one"),
        ({"X A": "1"}, "whose name is not one"),
        ({"X-A\r\nX-B": "1"}, "whose name is not one"),
        ({"X-A": "1\r\nX-B: 2"}, "printable ASCII"),
        ({"X-A": "ü"}, "printable ASCII"),
        ({"X-A": "x" * 4097}, "up to 4096"),
        ({"X-A": "Bearer secret:refunds"}, "write {secret:name}"),
        ({"X-A": "{secret:refunds"}, "write {secret:name}"),
        ({"X-A": "secret:"}, "names a secret in the header X-A"),
        ({"X-A": "secret:Refunds"}, "names a secret in the header X-A"),
        ({"X-A": "secret:a b"}, "names a secret in the header X-A"),
        ({"X-A": "{secret:../x}"}, "names a secret in the header X-A"),
        ({"X-A": "secret:" + "x" * 65}, "names a secret in the header X-A"),
    ],
)
def test_what_may_not_be_a_header_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        Headers(given)
    assert said in str(caught.value)
