"""Pictures of one colour, small and whole, in the four kinds that a model can be shown."""

import struct
from zlib import compress, crc32


def chunk(name: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))


def png(width: int = 1, height: int = 1, more: bytes = b"") -> bytes:
    """`more` are chunks behind its pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = compress((b"\0" * (1 + width)) * height) if width * height < 10_000 else b""
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + more + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def jpeg(width: int = 1, height: int = 1, frame: int = 0xC0) -> bytes:
    """`frame` is the marker before its size. Its pixels are none that a program could read."""
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    size = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0"
    start = b"\xff\xff" + bytes([frame]) + struct.pack(">H", 2 + len(size)) + size
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\0\0\x3f\0" + b"\x12\xff\0\x34"
    return b"\xff\xd8" + app + start + scan + b"\xff\xd9"


def gif(width: int = 1, height: int = 1, version: bytes = b"GIF89a") -> bytes:
    head = version + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    control = b"\x21\xf9\x04\x01\0\0\0\0"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0x80) + bytes(6)
    return head + control + frame + b"\x02\x02\x44\x01\0" + b"\x3b"


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in chunks or [vp8(1, 1)]
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def vp8(width: int, height: int) -> tuple[bytes, bytes]:
    return b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"\0\0"


def vp8l(width: int, height: int) -> tuple[bytes, bytes]:
    return b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + b"\0"


def vp8x(width: int, height: int) -> tuple[bytes, bytes]:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes(4) + sides
