"""Is an LMDB file whole? Asked with plain reads, before the library maps it.

The library trusts what it has mapped: of a file that was copied by half it kills the process, with a bus
error where the end is missing and with a failed assertion where a hole was left to be filled. So the file's
size is compared with its own header, and the head of each page of the tree is looked at (LSUN's 43 GB have
some 50,000 of them; the pictures lie in other pages, and a hole there shows when a picture is decoded).

Layout (lmdb 0.9, mdb.c; 64 bits, little endian): each page begins with its number, flags and the end of its
list of node offsets. Pages 0 and 1 are meta pages, of which the one with the later transaction counts.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAGIC = 0xBEEFC0DE
BRANCH, LEAF = 1, 2
NO_PAGE = 2**64 - 1  # the root of an empty tree

_PAGE = struct.Struct("<QHHHH")  # number, padding, flags, end of the offsets, end of the free room
_META = struct.Struct(
    "<IIQQ 48s I H H Q Q Q Q Q Q Q"
)  # magic, version, ..., the main tree, last page, transaction
_NODE = struct.Struct("<HHH")  # number of the child page, from its low to its high bits


class _Meta(NamedTuple):
    page_size: int
    depth: int
    root: int
    last_page: int
    transaction: int


def require_whole(path: Path) -> None:
    """Raise ValueError, saying why, where ``path`` is no LMDB file or a part of one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = _meta(file, 0)
        meta = max(first, _meta(file, first.page_size), key=lambda each: each.transaction)
        needed = (meta.last_page + 1) * meta.page_size
        if size < needed:
            raise ValueError(f"it has {size:,} of the {needed:,} bytes that its own header tells")
        if meta.root != NO_PAGE:
            _walk(file, meta, size)


def _walk(file: BinaryIO, meta: _Meta, size: int) -> None:
    """Look at the head of each page of the main tree, from its root down."""
    level = [meta.root]
    for depth in range(meta.depth, 0, -1):
        children: list[int] = []
        for number in level:
            content = _read(file, number * meta.page_size, meta.page_size if depth > 1 else _PAGE.size)
            found, _, flags, end, _ = _PAGE.unpack_from(content)
            if found != number or not flags & (BRANCH if depth > 1 else LEAF):
                raise ValueError(f"its page {number} was never written: a copy that has a hole")
            if depth > 1:
                children += _children(content, end)
        if len(children) * meta.page_size > size:
            raise ValueError("its tree has more pages than the file")
        level = children


def _children(page: bytes, end: int) -> list[int]:
    """Return the numbers of the pages below a branch page."""
    offsets = struct.unpack_from(f"<{(end - _PAGE.size) // 2}H", page, _PAGE.size)
    parts = [_NODE.unpack_from(page, offset) for offset in offsets]
    return [low | middle << 16 | high << 32 for low, middle, high in parts]


def _meta(file: BinaryIO, start: int) -> _Meta:
    """Read a meta page; the size of pages stands where its first tree has a field to spare."""
    fields = _META.unpack(_read(file, start + _PAGE.size, _META.size))
    magic, first_tree, depth, root, last_page, transaction = (fields[k] for k in (0, 4, 7, 12, 13, 14))
    page_size = int.from_bytes(first_tree[:4], "little")
    if magic != MAGIC or not 512 <= page_size <= 65536:
        raise ValueError("it is no LMDB file")
    return _Meta(page_size, depth, root, last_page, transaction)


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    content = file.read(count)
    if len(content) < count:
        raise ValueError(f"it ends at byte {start + len(content):,}, where more must follow")
    return content
