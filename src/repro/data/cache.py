"""Keep what was decoded from thousands of pictures, so that the next process reads one file instead.

Decoding all of Tiny-ImageNet takes about 40 s on two cores, CelebA minutes, ImageNet-143 a quarter of an
hour; the cached tensor is read in seconds. A cache file is used only if the folder's files have the names,
sizes and times that it was made from, the readers are those that made it, and its images still have their
fingerprint. Sets that are published as plain arrays are not cached.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from repro.core.by_name import VISIBLE
from repro.core.errors import ReproError
from repro.core.files import replacing
from repro.data.dataset import DatasetInfo
from repro.data.fingerprint import fingerprint
from repro.data.memory import require_memory
from repro.data.readers.found import Found

WORTH_IT = 2000  # images; fewer are decoded faster than this page is read


@cache
def readers() -> str:
    """Return a sha256 of the code that reads sets: what it made before a change is not what it makes now."""
    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob(f"*/{VISIBLE}")):  # sets and their readers
        code.update(path.read_bytes())
    return code.hexdigest()


def cache_file(root: Path, info: DatasetInfo, split: str, limit: int | None) -> Path:
    """Return where the decoded split is kept."""
    return root / ".cache" / f"{info.name}-{split}-{limit or 'all'}.safetensors"


def load_cached(path: Path, state: str, info: DatasetInfo, split: str) -> tuple[Found, str] | None:
    """Return the cached images and their fingerprint; None where there are none, or not of this ``state``.

    Raises:
        ReproError: more images than memory holds.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            if (facts["state"], facts.get("readers")) != (state, readers()):
                return None
            labels = file.get_tensor("labels")
            require_memory(len(labels), info, split)
            images = file.get_tensor("images")
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError):
        return None  # RuntimeError: replaced by a smaller one while it was being opened
    if fingerprint(images, labels) != facts["fingerprint"]:
        return None
    return Found(images, labels, tuple(facts["classes"]), facts["total"]), facts["fingerprint"]


def save_cached(path: Path, state: str, found: Found, identity: str) -> None:
    """Keep ``found``; a data root that cannot be written is left alone."""
    facts = {
        "readers": readers(),
        "state": state,
        "fingerprint": identity,
        "classes": found.classes,
        "total": found.total,
    }
    tensors: dict[str, torch.Tensor] = {"images": found.images, "labels": found.labels}
    try:
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata={"facts": json.dumps(facts)})
    except (ReproError, SafetensorError, UnicodeEncodeError):  # a full disk; a path that is not UTF-8
        return
