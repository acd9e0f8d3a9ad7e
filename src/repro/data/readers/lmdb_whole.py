"""Is an LMDB file whole? Asked in a process of its own, for the library trusts what it has mapped.

Of a file that was copied by half it kills the process, with a bus error where the end is missing and with a
failed assertion where a hole was left to be filled. So another process compares the file's size with its own
header and walks over all keys, which reads each page of the tree (LSUN's 43 GB have some 50,000 of them; the
pictures lie in other pages, and a hole there shows when a picture is decoded).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_WALK = """
import os, sys, lmdb
with lmdb.open(sys.argv[1], subdir=False, readonly=True, lock=False, readahead=False) as database:
    page, last = database.stat()["psize"], database.info()["last_pgno"]
    size, needed = os.path.getsize(sys.argv[1]), (last + 1) * page
    if size < needed:
        sys.exit(f"it has {size:,} of the {needed:,} bytes that its own header tells")
    with database.begin() as view:
        found = sum(1 for _ in view.cursor().iternext(values=False))
    if found != database.stat()["entries"]:
        sys.exit(f"it has {found:,} of the {database.stat()['entries']:,} entries that its own header tells")
"""


def require_whole(path: Path) -> None:
    """Raise ValueError, saying why, where ``path`` is no LMDB file or a part of one.

    Raises:
        UnicodeEncodeError: the path is not text in UTF-8, which the library needs.
    """
    str(path).encode()
    done = subprocess.run(
        [sys.executable, "-c", _WALK, path], capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"reading it ends with status {done.returncode}"]
        raise ValueError(f"it is not whole: {said[-1]}")
