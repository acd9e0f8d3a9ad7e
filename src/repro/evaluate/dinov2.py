"""DINOv2's ViT-L/14 as a feature extractor (Stein et al. 2023), as torch-fidelity gets it from torch.hub.

torch.hub fetches the authors' repository and 1.2 GB of weights where they are not in its folder yet, and runs
the repository's code. The hash of the weights as loaded goes into the results, so that runs can be compared.
"""

from __future__ import annotations

from http.client import HTTPException

import torch

from repro.core.checkpoint import hashes
from repro.core.errors import ReproError
from repro.evaluate.extractor import DINOV2, Extractor
from repro.evaluate.fidelity_library import torch_fidelity

FETCH = "python -c \"import torch; torch.hub.load('facebookresearch/dinov2', 'dinov2_vitl14')\""


def dinov2_extractor() -> Extractor:
    """Return the extractor; downloads it where torch.hub's folder does not hold it.

    Raises:
        ReproError: it is not there and cannot be downloaded.
    """
    folder = torch.hub.get_dir()
    how = {"cuda": False, "verbose": False}
    try:
        network = torch_fidelity.utils.create_feature_extractor(DINOV2, ["dinov2"], **how)
    except (HTTPException, OSError, RuntimeError, ImportError) as error:
        raise ReproError(
            f"DINOv2 could not be had from torch.hub: {error}",
            remedy=f"run `{FETCH}` where GitHub can be reached and bring the folder {folder} from there, or "
            'leave these cells out: leave_out: ["*/table_conventions/*/DINOv2"] in the profile',
            where=folder,
        ) from error
    return Extractor(name=DINOV2, sha256=hashes({DINOV2: network.state_dict()})[DINOV2], weights=None)
