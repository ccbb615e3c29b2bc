"""How large a picture is, by its own structure: PNG, JPEG, GIF and WebP.

What stands in a file is walked from its beginning to its end, so that one which was cut off, or
only begins like a picture, is told from one that is whole. Pixels are not decoded.
"""

import struct
from collections.abc import Callable, Mapping
from zlib import crc32

Shape = tuple[int, int]
"""Width and height in pixels, as the file says them."""

_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers of a JPEG that nothing follows."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG before the size of the picture."""


def shape_of(kind: str, content: bytes) -> Shape | None:
    """The shape of a file of this media type; None: it is damaged, cut off, or something else."""
    try:
        return _READERS[kind](content)
    except (IndexError, struct.error):
        return None


def _png(content: bytes) -> Shape | None:
    at, shape, has_pixels = 8, None, False
    while True:
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        (said,) = struct.unpack_from(">I", content, end)
        # Programs read over a fault in what they need not know, which has a small first letter.
        if name[:1].isupper() and crc32(memoryview(content)[at + 4 : end]) != said:
            return None
        if shape is None:
            if name != b"IHDR" or length != 13:
                return None
            shape = struct.unpack_from(">II", content, at + 8)
        has_pixels = has_pixels or name == b"IDAT"
        if name == b"IEND":
            return shape if has_pixels else None
        at = end + 4


def _jpeg(content: bytes) -> Shape | None:
    at, shape = 2, None
    while True:
        if content[at] != 0xFF:
            return None
        while content[at] == 0xFF:
            at += 1
        marker, at = content[at], at + 1
        if marker in _NO_LENGTH:
            continue
        (length,) = struct.unpack_from(">H", content, at)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 3)
            shape = (width, height)
        elif marker == 0xDA:
            return shape if content.find(b"\xff\xd9", at + length) >= 0 else None
        elif marker in (0x00, 0xD8, 0xD9):
            return None
        at += max(length, 2)


def _gif(content: bytes) -> Shape | None:
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    at, frames = 13 + _colours(flags), 0
    while True:
        block = content[at]
        if block == 0x3B:
            return (width, height) if frames else None
        if block == 0x2C:
            # Behind the frame's place, its colours and the size of its codes.
            at += 11 + _colours(content[at + 9])
            frames += 1
        elif block == 0x21:
            at += 2
        else:
            return None
        while content[at]:
            at += 1 + content[at]
        at += 1


def _colours(flags: int) -> int:
    """Bytes of the table of colours that these flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(content: bytes) -> Shape | None:
    (size,) = struct.unpack_from("<I", content, 4)
    whole, at = 8 + size, 12
    shape, has_pixels = None, False
    if whole > len(content):
        return None
    while at + 8 <= whole:
        name, length = struct.unpack_from("<4sI", content, at)
        if at + 8 + length > whole:
            return None
        has_pixels = has_pixels or name in (b"VP8 ", b"VP8L", b"ANMF")
        if shape is None:
            shape = _webp_shape(name, content[at + 8 : at + 8 + min(length, 10)])
            if shape is None:
                return None
        at += 8 + length + length % 2
    return shape if has_pixels else None


def _webp_shape(name: bytes, body: bytes) -> Shape | None:
    if name == b"VP8X":
        width, height = int.from_bytes(body[4:7], "little"), int.from_bytes(body[7:10], "little")
        return (width + 1, height + 1) if len(body) == 10 else None
    if name == b"VP8L" and body[0] == 0x2F:
        (bits,) = struct.unpack_from("<I", body, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


_READERS: Mapping[str, Callable[[bytes], Shape | None]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
}
