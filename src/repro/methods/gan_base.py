"""The alternating training of generator and discriminator; a paper's method overrides its verbs."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.batches import Batches
from repro.data.image_set import ImageSet
from repro.methods.base import Method, MethodOptions
from repro.methods.gan_options import GanOptions
from repro.methods.losses import make_loss
from repro.methods.optimisation import place
from repro.methods.regularisers.registry import make_regulariser
from repro.models.modes import frozen_parameters


class GanMethod(Method):
    """An unconditional GAN. One step is one update of G with its ``n_dis`` updates of D.

    Verbs that a method may override: ``real_and_fake`` (what D trains on), ``discriminator_loss``,
    ``generator_loss``. D's update never reaches G, nor G's update D.
    """

    Options: ClassVar[type[MethodOptions]] = GanOptions
    options: GanOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        size = data.images.shape[-1]
        with streams.seeded("initialisation"):
            generator = self.options.build_generator(size, spec.width)
            discriminator = self.options.build_discriminator(size, spec.width)
        self.G = place(generator, device)
        self.D = place(discriminator, device)
        self.modules = {"generator": self.G, "discriminator": self.D}
        self.loss = make_loss(self.options.loss)
        self.regulariser = make_regulariser(
            self.options.regulariser,
            self.options.regulariser_options,
            streams.generator("noise/regulariser"),
        )
        for name, network in self.modules.items():
            self.optimisers[name] = self._optimiser(network)
            if self.options.decay == "linear":
                self.schedulers[name] = LambdaLR(
                    self.optimisers[name], lambda step: max(0.0, 1 - step / spec.steps)
                )
        self.batches["real"] = Batches(
            data,
            spec.batch_size,
            streams.generator("data_order"),
            bounds=self.bounds,
            flip=self.options.flip,
            augmentation=streams.generator("augmentation") if self.options.flip else None,
        )

    def _optimiser(self, network: nn.Module) -> Adam:
        o = self.options
        fused = self.device.type == "cuda"
        return Adam(network.parameters(), lr=o.lr, betas=(o.beta1, o.beta2), fused=fused)

    def step(self, step: int) -> dict[str, Tensor]:
        """Update G once and D ``n_dis`` times; returns the losses and D's mean logits of its last update."""
        record: dict[str, Tensor] = {}
        if self.options.order == "g_first":
            record |= self.generator_step()
        for _ in range(self.options.n_dis):
            record |= self.discriminator_step()
        if self.options.order == "d_first":
            record |= self.generator_step()
        for scheduler in self.schedulers.values():
            scheduler.step()
        return {name: value.detach() for name, value in record.items()}

    def discriminator_step(self) -> dict[str, Tensor]:
        """Update D once on a fresh batch; returns its loss and mean logits."""
        real, fake = self.real_and_fake()
        self.optimisers["discriminator"].zero_grad(set_to_none=True)
        loss, record = self.discriminator_loss(real, fake)
        if self.regulariser is not None:
            penalty = self.regulariser(self.D, real, fake)
            loss, record = loss + penalty, record | {"d_penalty": penalty}
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers["discriminator"].step()
        return record | {"d_loss": loss}

    def generator_step(self) -> dict[str, Tensor]:
        """Update G once on fresh latents; returns its loss."""
        self.optimisers["generator"].zero_grad(set_to_none=True)
        with frozen_parameters(self.D):
            loss = self.generator_loss(self.latents(self.spec.batch_size))
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers["generator"].step()
        return {"g_loss": loss}

    def latents(self, n: int) -> Tensor:
        """Return ``n`` standard normal latents (n, latent_dim)."""
        size = int(self.G.latent_dim)  # type: ignore[arg-type]
        return torch.randn(n, size, generator=self.streams.generator("latent"), device=self.device)

    def real_images(self) -> Tensor:
        """Return the next batch of real images (N,3,H,W) in [-1,1]."""
        images, _ = self.batches["real"].next()
        return images

    def fakes(self, z: Tensor) -> Tensor:
        """Return generated images (N,3,H,W) in [-1,1], float32 whatever the network's format."""
        with self.autocast():
            images: Tensor = self.G(z)
        return images.float()

    def logits(self, images: Tensor) -> Tensor:
        """Return D's logits (N,), float32."""
        with self.autocast():
            logits: Tensor = self.D(images)
        return logits.float()

    def real_and_fake(self) -> tuple[Tensor, Tensor]:
        """Return what D's next update is made with: a real batch and as many generated images, constants."""
        real = self.real_images()
        with torch.no_grad():
            fake = self.fakes(self.latents(len(real)))
        return real, fake

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return D's loss (without the regulariser), 0-d, and what else to log."""
        d_real, d_fake = self.logits(real), self.logits(fake)
        return self.loss.d(d_real, d_fake), {"d_real": d_real.mean(), "d_fake": d_fake.mean()}

    def generator_loss(self, z: Tensor) -> Tensor:
        """Return G's loss on latents ``z``, 0-d."""
        return self.loss.g(self.logits(self.fakes(z)))
