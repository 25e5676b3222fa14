"""The checksum that ``run.h5`` carries in its first 512 bytes; docs/results-format.md, "The seal"."""

from __future__ import annotations

import struct
from pathlib import Path

import xxhash

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAGIC = b"\x89cjepa-exp\r\n\x1a\n\0\0"
BLOCK = 512


class Damaged(Exception):
    """A file that is not what was written; the text says in what."""


def read(path: Path) -> tuple[bytes, bool]:
    """The bytes of a file, and whether they match a checksum; False for files of earlier versions, without one."""
    data = path.read_bytes()
    if data.startswith(SIGNATURE):
        return data, False
    if len(data) < BLOCK or not data.startswith(MAGIC):
        raise Damaged("it is not an HDF5 file, or it is damaged: its checksum is missing")
    version, length, content, block = struct.unpack_from("<4Q", data, len(MAGIC))
    if block != xxhash.xxh64_intdigest(data[:40]) or any(data[48:BLOCK]):
        raise Damaged("the checksum of its first 512 bytes does not match")
    if version != 1:
        raise Damaged(f"a newer version of cjepa-exp wrote it (its seal has the version {version})")
    if length != len(data) or content != xxhash.xxh64_intdigest(data[BLOCK:]):
        raise Damaged("its content does not match its checksum")
    return data, True
