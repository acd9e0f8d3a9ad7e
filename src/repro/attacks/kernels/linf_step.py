"""One step of projected gradient descent in the L-infinity norm.

With d = attacked + step_size * sign(gradient) - images,
attacked <- clip(images + clamp(d, -radius, radius), low, high).
Where the gradient is 0 a value does not move.
"""

from __future__ import annotations

from torch import Tensor

from repro.attacks.kernels.step import Step, fused_or


def reference_(
    attacked: Tensor,
    images: Tensor,
    gradient: Tensor,
    *,
    step_size: float,
    radius: float,
    low: float,
    high: float,
) -> None:
    """Take the step in plain torch, any floating format; arguments: see ``Step``."""
    change = gradient.sign().mul_(step_size).add_(attacked).sub_(images).clamp_(-radius, radius)
    attacked.copy_(change.add_(images).clamp_(low, high))


linf_step_: Step = fused_or(reference_, "linf_step")
