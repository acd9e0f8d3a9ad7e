"""The field's extractor: the Inception network of 2015-12-05, as torch-fidelity converted it from TensorFlow.

torch-fidelity loads the weights with ``torch.load(weights_only=False)``, which runs whatever code the file
holds. So the file's hash is checked first, and a file with another hash is never loaded.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.error import URLError

import torch

from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.evaluate.extractor import Extractor

NAME = "inception-v3-compat"
FILE = "weights-inception-2015-12-05-6726825d.pth"
SHA256_PREFIX = "6726825d"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
VARIABLE = "REPRO_INCEPTION"
REMEDY = f"download {URL} elsewhere and pass its path with --inception or {VARIABLE}"


def inception_extractor(path: Path | None) -> Extractor:
    """Return the extractor with the weights in ``path``.

    Args:
        path: the file; None takes ``REPRO_INCEPTION``, else torch's own folder of downloads, else downloads
            it there.

    Raises:
        ReproError: there is no such file, its hash is wrong, or the download failed.
    """
    if path is None and os.environ.get(VARIABLE):
        path = Path(os.environ[VARIABLE])
    weights = downloaded() if path is None else path
    if not weights.is_file():
        raise ReproError("the Inception weights are not there", remedy=REMEDY, where=weights)
    sha256 = sha256_file(weights)
    if not sha256.startswith(SHA256_PREFIX):
        raise ReproError(
            f"not the Inception weights: the sha256 begins with {sha256[:8]}, not {SHA256_PREFIX}",
            remedy=REMEDY,
            where=weights,
        )
    return Extractor(name=NAME, sha256=sha256, weights=weights, embedded=False)


def downloaded() -> Path:
    """Return the weights in torch's own folder of downloads, fetched if need be.

    Raises:
        ReproError: the download failed.
    """
    target = Path(torch.hub.get_dir()) / "checkpoints" / FILE
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(URL, str(target), hash_prefix=SHA256_PREFIX, progress=False)
    except (URLError, OSError, RuntimeError) as error:
        raise ReproError(
            f"the Inception weights could not be downloaded: {error}", remedy=REMEDY, where=target
        ) from error
    return target
