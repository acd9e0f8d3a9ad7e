"""The field's extractor: the Inception network of 2015-12-05, as torch-fidelity converted it from TensorFlow.

torch-fidelity loads the weights with ``torch.load(weights_only=False)``, which runs whatever code the file
holds. So the file's whole sha256 is compared first (its name carries the first 32 bits only, which somebody
could imitate), and a file with another one is never loaded.
"""

from __future__ import annotations

from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

import torch

from repro.core.errors import ReproError
from repro.core.files import sha256_file
from repro.data.root import INCEPTION, choose_path
from repro.evaluate.extractor import Extractor

NAME = "inception-v3-compat"
FILE = "weights-inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
REMEDY = (
    f"download {URL} elsewhere and pass its path with --inception (snakemake: --config inception=FILE) "
    f"or {INCEPTION}"
)


def inception_extractor(path: Path | None) -> Extractor:
    """Return the extractor with the weights in ``path``.

    Args:
        path: the file; None takes ``REPRO_INCEPTION``, else torch's own folder of downloads, else downloads
            it there.

    Raises:
        ReproError: there is no such file, its hash is wrong, or the download failed.
    """
    weights = choose_path(path, INCEPTION, None) or downloaded()
    if not weights.is_file():
        raise ReproError("the Inception weights are not there", remedy=REMEDY, where=weights)
    try:
        sha256 = sha256_file(weights)
    except OSError as error:
        raise ReproError(
            f"the Inception weights cannot be read: {error.strerror}", remedy=REMEDY, where=weights
        ) from error
    if sha256 != SHA256:
        raise ReproError(
            f"not the Inception weights: the sha256 is {sha256}, not {SHA256}", remedy=REMEDY, where=weights
        )
    return Extractor(name=NAME, sha256=sha256, weights=weights)


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
        torch.hub.download_url_to_file(URL, str(target), hash_prefix=SHA256, progress=False)
    except (URLError, HTTPException, OSError, RuntimeError) as error:
        raise ReproError(
            f"the Inception weights could not be downloaded: {error}", remedy=REMEDY, where=target
        ) from error
    return target
