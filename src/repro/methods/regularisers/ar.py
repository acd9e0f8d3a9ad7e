"""AR, adversarial regularisation (Zhou et al. 2018): D's logit must not change at the worst neighbour.

The code that DAT's Table III names has only RFM; this is the same penalty on D's output.
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.methods.regularisers.consistency import Consistency


class AdversarialRegularisation(Consistency):
    """Compares logits."""

    def answer(self, discriminator: nn.Module, images: Tensor) -> Tensor:
        """Return the logits (N, 1)."""
        logits: Tensor = discriminator(images)
        return logits.unsqueeze(1)


REGULARISER = AdversarialRegularisation
