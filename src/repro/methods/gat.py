"""Adversarial training with a generative adversarial trainer (GAT), Algorithm 1 of the paper.

A generator G turns the gradient of an image into a perturbation that fools the classifier F; F learns to
withstand it.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.attack_mode import attack_mode
from repro.attacks.gat_generator import probability_gradient, true_class
from repro.methods.classifier import CleanPass, cross_entropies
from repro.methods.perturber import Perturber, PerturberOptions


class GATOptions(PerturberOptions):
    """Options of GAT, beside the generator's.

    Attributes:
        alpha: weight of the clean loss in F's (Eq. 10); the paper's 0.5.
        k: steps of G per step of F; the paper's 1.
        separate_minibatches: draw a new minibatch for every step of G and F, as Algorithm 1 does, or share
            one.
        gradient_through_delta: let F's gradient pass through Delta (second order), or treat G(Delta) as data,
            as the algorithm seems to.
    """

    alpha: float = Field(default=0.5, ge=0, le=1)
    k: int = Field(default=1, ge=1)
    separate_minibatches: bool = True
    gradient_through_delta: bool = False


class GAT(Perturber):
    """Alternate k steps of G (Eq. 9) and one of F (Eq. 10)."""

    Options = GATOptions
    options: GATOptions

    def iterate(self) -> dict[str, Tensor]:
        """Run one iteration of Algorithm 1's outer loop.

        F does not change while G is trained, so that one minibatch for both needs its Delta only once.
        """
        stream = self.batches["train"]
        record: dict[str, Tensor] = {}
        if self.options.separate_minibatches:
            for _ in range(self.options.k):
                images, labels = stream.next()
                record = self.train_perturber(images, labels, self.delta(images, labels))
            images, labels = stream.next()
            return record | self.update(labels, *self.losses(images, labels))
        images, labels = stream.next()
        clean_pass = self.clean_pass(images, labels, true_class)
        for _ in range(self.options.k):
            record = self.train_perturber(images, labels, self.scaled(clean_pass.gradient))
        return record | self.update(labels, *self.losses(images, labels, clean_pass))

    def losses(
        self, images: Tensor, labels: Tensor, clean_pass: CleanPass | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the clean images' logits and each image's alpha J(x) + (1 - alpha) J(x + G(Delta)) (Eq. 10).

        Args:
            images: the minibatch.
            labels: its classes.
            clean_pass: the pass over these images that Delta was computed on, if there was one already.
        """
        options = self.options
        if options.gradient_through_delta:
            watched = self.watch.part("network")
            with attack_mode(self.network, freeze=False), self.autocast(), watched:
                gradient = probability_gradient(self.network, images, labels, create_graph=True)
            attacked, logits = self.add(images, self.perturb(self.scaled(gradient))), None
        else:
            logits, gradient = clean_pass or self.clean_pass(images, labels, true_class)
            with torch.no_grad():
                attacked = self.add(images, self.perturb(self.scaled(gradient)))
        self.network.train()
        logits = self.logits(images) if logits is None else logits
        clean = cross_entropies(logits, labels)
        adversarial = cross_entropies(self.logits(attacked), labels)
        return logits, options.alpha * clean + (1 - options.alpha) * adversarial


METHOD = GAT
SEEDS_JOIN = True
TRAIN_SPLIT = "train45k"
