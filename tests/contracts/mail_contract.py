"""The contract of the Mail port.

An adapter's test file supplies `mail`, and `outbox`, which gives what has been sent so far: to
whom, the subject, the text.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.messaging.mail import MAX_ADDRESS, MAX_SUBJECT, MAX_TEXT, Mail, MailRefused

Outbox = Callable[[], list[tuple[str, str, str]]]

ANN = "ann@example.org"
LONG_DOMAIN = ".".join(["d" * 63] * 3)


class MailContract:
    def test_mails_are_sent_in_order(self, mail: Mail, outbox: Outbox) -> None:
        sent = [(ANN, f"No. {number}", "Hello") for number in range(3)]
        for to, subject, text in sent:
            mail.send(to=to, subject=subject, text=text)
        assert outbox() == sent

    def test_any_writing_and_lines(self, mail: Mail, outbox: Outbox) -> None:
        subject = "Ihr Code für „Zahlen“: 確認 👩‍💻"
        text = "Grüße,\n\n  \u00a0123\u00a0456\t안녕하세요\u202f!\n| +-- To: bob@example.org\nEnde"
        mail.send(to=ANN, subject=subject, text=text)
        assert outbox() == [(ANN, subject, text)]

    def test_the_longest_mail(self, mail: Mail, outbox: Outbox) -> None:
        domain = f"{LONG_DOMAIN[:-4]}.org"
        to = f"{'a' * (MAX_ADDRESS - 1 - len(domain))}@{domain}"
        mail.send(to=to, subject="s" * MAX_SUBJECT, text="t" * MAX_TEXT)
        assert outbox() == [(to, "s" * MAX_SUBJECT, "t" * MAX_TEXT)]

    @pytest.mark.parametrize(
        "address",
        [
            "a@b",
            "A.N.Other+tag@Mail.Example-1.org",
            "o'neil_%/{x}@example.org",
            f"{'a' * 64}@b.org",
        ],
    )
    def test_unusual_addresses(self, mail: Mail, outbox: Outbox, address: str) -> None:
        mail.send(to=address, subject="Hello", text="Ann")
        assert [to for to, _, _ in outbox()] == [address]

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "ann",
            "ann@",
            "@example.org",
            "ann@@example.org",
            "ann@bob@example.org",
            "ann@example.org, bob@example.org",
            "ann@example.org,bob@example.org",
            "ann@example.org;bob@example.org",
            "Ann <ann@example.org>",
            "<ann@example.org>",
            '"ann"@example.org',
            "ann(bob)@example.org",
            "ann bob@example.org",
            " ann@example.org",
            "ann@example.org\n",
            "ann@example.org\r\nBcc: bob@example.org",
            "ann\0@example.org",
            ".ann@example.org",
            "an..n@example.org",
            "ann@example..org",
            "ann@-example.org",
            "ann@[127.0.0.1]",
            "änn@example.org",
            "ann@exämple.org",
            "ann\ud800@example.org",
            f"{'a' * 65}@example.org",
            f"a@{'d' * 64}.org",
            f"{'a' * (MAX_ADDRESS - len(LONG_DOMAIN))}@{LONG_DOMAIN}",
        ],
        ids=ascii,
    )
    def test_what_is_not_one_plain_address(self, mail: Mail, outbox: Outbox, address: str) -> None:
        with pytest.raises(MailRefused) as caught:
            mail.send(to=address, subject="Hello", text="Ann")
        assert str(caught.value) == "not an address"
        assert outbox() == []

    @pytest.mark.parametrize(
        ("subject", "text"),
        [
            ("", "text"),
            ("s" * (MAX_SUBJECT + 1), "text"),
            ("Code\nBcc: bob@example.org", "text"),
            ("Code\r", "text"),
            ("Code\x85", "text"),
            ("Code\u2028", "text"),
            ("Co\tde", "text"),
            ("Code\ud800", "text"),
            ("subject", ""),
            ("subject", "t" * (MAX_TEXT + 1)),
            ("subject", "te\x1b[2Jxt"),
            ("subject", "te\x9bxt"),
            ("subject", "text\r\n.\r\n"),
            ("subject", "text\0"),
            ("subject", "text\udfff"),
        ],
        ids=lambda value: ascii(value[:20]),
    )
    def test_what_cannot_stand_in_a_mail(
        self, mail: Mail, outbox: Outbox, subject: str, text: str
    ) -> None:
        with pytest.raises(ValueError, match="characters"):
            mail.send(to=ANN, subject=subject, text=text)
        assert outbox() == []

    def test_threads_send_at_the_same_time(self, mail: Mail, outbox: Outbox) -> None:
        def send(number: int) -> None:
            mail.send(to=f"a{number}@example.org", subject=f"s{number}", text=f"t{number}\n" * 3)

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(send, number) for number in range(20)]:
                done.result()
        expected = [(f"a{n}@example.org", f"s{n}", f"t{n}\n" * 3) for n in range(20)]
        assert sorted(outbox()) == sorted(expected)
