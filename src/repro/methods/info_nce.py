"""The contrastive loss of InfoMaxGAN: which local features belong to which image?"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

OWN = -10.0


def info_nce(local: Tensor, whole: Tensor, own: float = OWN) -> Tensor:
    """Return the mean InfoNCE loss (Lee et al. 2021, Eq. 4; as in mimicry), 0-d, at least 0.

    For each place of each image: minus the log of its share, exp(<local, whole>) over itself plus the
    negatives, which are that image's global features with every place of every other image. Dot products,
    no temperature. mimicry does not leave the image's own places out of the negatives but sets their scores
    to ``own``; they matter as little as exp(-10).

    Args:
        local: local features (N,D,H,W).
        whole: global features (N,D) of the same images.
        own: score of an image's own places among the negatives; -inf leaves them out.
    """
    places = local.float().flatten(2)
    n, _, m = places.shape
    scores = torch.einsum("id,jdp->ijp", whole.float(), places)
    same = torch.eye(n, dtype=torch.bool, device=scores.device)
    positive = scores.diagonal().T  # (N, H * W)
    # An image's negatives are the same for all its places, so their sum is taken once for each image; the
    # score of its own places enters it as one number, m exp(own).
    others = scores.masked_fill(same[:, :, None], -math.inf).flatten(1).logsumexp(1)
    negatives = torch.logaddexp(others, others.new_full((n,), own + math.log(m)))
    return F.softplus(negatives[:, None] - positive).mean()
