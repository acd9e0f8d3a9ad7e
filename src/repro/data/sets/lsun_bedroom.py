"""LSUN bedrooms from the published LMDB (``bedroom_train_lmdb``, ``bedroom_val_lmdb``): centre square, 64 px.

The keys are hashes, so that the first images in the database's order are a random part of it.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from repro.core.files import not_utf8
from repro.data.dataset import DatasetInfo
from repro.data.memory import require_memory
from repro.data.readers.found import Found, damaged, require_file

CHUNK = 4096


def read(folder: Path, info: DatasetInfo, split: str, limit: int | None) -> Found:
    """Return the first images of one split (``test`` is the validation split), without classes."""
    import lmdb
    import torch

    from repro.data.readers.decode import decode
    from repro.data.readers.lmdb_whole import require_whole

    path = require_file(folder / f"bedroom_{'train' if split == 'train' else 'val'}_lmdb", info)
    try:
        require_whole(require_file(path / "data.mdb", info))
        with (
            lmdb.open(str(path), readonly=True, lock=False, readahead=False) as database,
            database.begin() as view,
        ):
            total = int(database.stat()["entries"])
            n = total if limit is None else min(limit, total)
            require_memory(n, info, split)
            images = torch.empty((n, 3, info.height, info.width), dtype=torch.uint8)
            values = view.cursor().iternext(keys=False, values=True)
            for start in range(0, n, CHUNK):
                payloads = list(islice(values, min(CHUNK, n - start)))
                images[start : start + len(payloads)] = decode(payloads, info, split, container=path)
    except UnicodeEncodeError as error:
        raise not_utf8(path, "lmdb") from error
    except (lmdb.Error, ValueError) as error:
        raise damaged(path / "data.mdb", info, str(error)) from error
    return Found(images, torch.zeros(n, dtype=torch.int64), (), total)


DATASET = DatasetInfo(
    "LSUN-Bedroom",
    height=64,
    width=64,
    classes=0,
    splits={"train": 3_033_042, "test": 300},
    folders=("lsun_bedroom", "lsun"),
    tree=("bedroom_train_lmdb/data.mdb", "bedroom_val_lmdb/data.mdb"),
    signs=("bedroom_*_lmdb",),
    needed=("bedroom_train_lmdb/data.mdb", "bedroom_val_lmdb/data.mdb"),
    read=read,
    decoded=True,
    by_hand="download bedroom_train_lmdb.zip (43 GB) and bedroom_val_lmdb.zip from "
    "http://dl.yf.io/lsun/scenes/ and unpack both in {folder}, which then holds "
    "bedroom_train_lmdb/data.mdb and bedroom_val_lmdb/data.mdb",
)
