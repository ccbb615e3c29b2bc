"""Which files are whole pictures, and how large they are."""

import random

import pytest

from shared.runner.picture_shapes import shape_of
from shared.runner.pictures import MAX_BYTES, MAX_SIDE, BadPicture, Picture, kind_of, shown_kind
from tests.support.pictures import chunk, gif, jpeg, png, vp8, vp8l, vp8x, webp

WHOLE = {
    "png": (png(3, 2), "image/png", (3, 2)),
    "png with a fault in what nobody needs": (
        png(1, 1, chunk(b"tEXt", b"a")[:-1] + b"?"),
        "image/png",
        (1, 1),
    ),
    "jpeg": (jpeg(3, 2), "image/jpeg", (3, 2)),
    "progressive jpeg": (jpeg(3, 2, 0xC2), "image/jpeg", (3, 2)),
    "jpeg with something behind it": (jpeg(3, 2) + b"more", "image/jpeg", (3, 2)),
    "gif": (gif(3, 2), "image/gif", (3, 2)),
    "old gif": (gif(3, 2, b"GIF87a"), "image/gif", (3, 2)),
    "webp": (webp(vp8(3, 2)), "image/webp", (3, 2)),
    "lossless webp": (webp(vp8l(3, 2)), "image/webp", (3, 2)),
    "webp with more": (webp(vp8x(300, 200), (b"ALPH", b"1"), vp8(3, 2)), "image/webp", (300, 200)),
}

BROKEN = {
    "png of words": b"\x89PNG\r\n\x1a\nno picture",
    "png without pixels": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IEND", b""),
    "png with another beginning": b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b""),
    "png with a wrong sum": png()[:-16] + b"????" + png()[-12:],
    "jpeg of words": b"\xff\xd8\xffno picture",
    "jpeg without a size": jpeg(1, 1, 0xC4),
    "jpeg that ends at once": b"\xff\xd8\xff\xd9",
    "jpeg with rubbish between": jpeg()[:20] + b"?" + jpeg()[20:],
    "gif of words": b"GIF89ano picture at all",
    "gif without a frame": b"GIF89a\1\0\1\0\0\0\0;",
    "webp of words": b"RIFF\4\0\0\0WEBP",
    "webp with another beginning": webp((b"ALPH", b"1"), vp8(1, 1)),
    "webp with a wrong chunk": webp((b"VP8 ", b"0123456789")),
    "webp without pixels": webp(vp8x(1, 1)),
    "webp with a long chunk": webp()[:16] + b"\xff" + webp()[17:],
    "png of no width": png(0, 1),
    "jpeg of no height": jpeg(1, 0),
    "gif of no height": gif(1, 0),
    "webp of no width": webp(vp8(0, 1)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_pictures_have_their_shape(name: str) -> None:
    content, kind, shape = WHOLE[name]
    assert kind_of(content) == shown_kind(content) == kind
    assert shape_of(kind, content) == shape
    assert Picture.of(content) is not None


@pytest.mark.parametrize("name", BROKEN)
def test_what_only_begins_like_a_picture_is_none(name: str) -> None:
    assert kind_of(BROKEN[name]) is not None
    with pytest.raises(BadPicture, match="is damaged, or not a whole picture"):
        shown_kind(BROKEN[name])
    assert Picture.of(BROKEN[name]) is None


@pytest.mark.parametrize("name", [name for name in WHOLE if "behind" not in name])
def test_a_picture_that_was_cut_off_is_none(name: str) -> None:
    content = WHOLE[name][0]
    for length in range(len(content)):
        assert Picture.of(content[:length]) is None, length


@pytest.mark.parametrize("make", [png, jpeg, gif, lambda *side: webp(vp8l(*side))])
def test_a_side_has_a_limit(make: object) -> None:
    assert callable(make)
    assert shown_kind(make(MAX_SIDE, 1))
    assert shown_kind(make(1, MAX_SIDE))
    with pytest.raises(BadPicture, match="has 8001 x 1 pixels; a side may have 8000"):
        shown_kind(make(MAX_SIDE + 1, 1))


def test_whatever_bytes_there_are_it_says_yes_or_no() -> None:
    chance = random.Random(1)
    for content, kind, _ in WHOLE.values():
        for _ in range(300):
            changed = bytearray(content)
            for _ in range(chance.randrange(1, 4)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            shape = shape_of(kind, bytes(changed))
            assert shape is None or len(shape) == 2


def test_a_long_one_is_not_read_for_long() -> None:
    assert shape_of("image/gif", gif()[:-1] + b"\x21\xfe\1a\0" * (MAX_BYTES // 5)) is None
