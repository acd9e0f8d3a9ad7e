"""The alternating training of generator and discriminator; a paper's method overrides its verbs."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.image_set import ImageSet
from repro.data.minibatches import Minibatches
from repro.methods.base import Method, State
from repro.methods.gan_options import GanOptions
from repro.methods.losses import make_loss
from repro.methods.optimisation import clip_weights, place
from repro.methods.options import MethodOptions
from repro.methods.published_trainer import act_as_published_trainer
from repro.methods.regularisers.registry import make_regulariser
from repro.methods.update_graph import UpdateGraphs
from repro.models.dropout import drops
from repro.models.modes import frozen_parameters


class DiscriminatorOutput(NamedTuple):
    """One pass of D: logits (N,), float32, and what an auxiliary loss needs of the same pass."""

    logits: Tensor
    features: tuple[Tensor, ...] = ()


class GanMethod(Method):
    """An unconditional GAN. One step is one update of G with its ``n_dis`` updates of D.

    Verbs that a method may override: ``discriminator_loss``, ``generator_loss``; for auxiliary losses
    ``discriminate``, ``real_auxiliary``, ``fake_auxiliary``; for other data ``open_data``,
    ``real_images``; ``draws_within_updates`` where a loss draws. D's update never reaches G, nor G's D.
    """

    Options: ClassVar[type[MethodOptions]] = GanOptions
    options: GanOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        with streams.seeded("initialisation"):
            networks = self.build_network()
        self.G, self.D = (place(network, device) for network in networks)
        self.modules = {"generator": self.G, "discriminator": self.D}
        self.loss = make_loss(self.options.loss)
        self.regulariser = make_regulariser(
            self.options.regulariser,
            self.options.regulariser_options,
            streams.generator("noise/regulariser"),
            self.loss,
        )
        if self.regulariser is not None:
            self.regulariser.watch = self.watch
        wanted = self.options.cuda_graph and device.type == "cuda"
        self.graphs = UpdateGraphs(wanted and not self.draws_within_updates())
        for name, network in self.modules.items():
            self.optimisers[name] = self._optimiser(network)
            if self.options.decay == "linear":
                self.schedulers[name] = LambdaLR(
                    self.optimisers[name], lambda step: max(0.0, 1 - step / spec.steps)
                )
        self.open_data()

    def snapshot_state(self) -> dict[str, Any]:
        """Return both networks' weights: what is asked of D over the training needs D as it was then."""
        return {name: module.state_dict() for name, module in self.modules.items()}

    def open_data(self) -> None:
        """Prepare the batches that ``real_images`` draws from."""
        self.batches["real"] = Minibatches(
            self.data,
            self.spec.batch_size,
            self.streams.generator("data_order"),
            bounds=self.bounds,
            flip=self.options.flip,
            augmentation=self.streams.generator("augmentation") if self.options.flip else None,
        )

    def _optimiser(self, network: nn.Module) -> Adam:
        o = self.options
        betas, fused = (o.beta1, o.beta2), self.device.type == "cuda"
        if not self.graphs.enabled:
            return Adam(network.parameters(), lr=o.learning_rate, betas=betas, fused=fused)
        # A graph keeps plain numbers as they were at its capture; the learning rate changes.
        lr = torch.tensor(o.learning_rate, device=self.device)
        return Adam(network.parameters(), lr=lr, betas=betas, fused=True, capturable=True)

    def step(self, step: int) -> dict[str, Tensor]:
        """Update G once and D ``n_dis`` times; returns the losses and D's mean logits of its last update."""
        record: dict[str, Tensor] = {}
        o = self.options
        act_as_published_trainer(
            step,
            self.spec.steps,
            self.G,
            self.streams,
            eval_mode_after=o.eval_mode_after,
            reset_seeds_every=o.reset_seeds_every,
        )
        if self.options.order == "g_first":
            record |= self.generator_step()
        for _ in range(self.options.n_dis):
            record |= self.discriminator_step()
        if self.options.order == "d_first":
            record |= self.generator_step()
        for scheduler in self.schedulers.values():
            scheduler.step()
        return record

    def draws_within_updates(self) -> bool:
        """Return whether an update draws random numbers or images itself; then it is never a CUDA graph."""
        of_penalty = self.regulariser is not None and self.regulariser.draws()
        return of_penalty or any(drops(network) for network in self.modules.values())

    def load_state_dict(self, state: State) -> None:
        """Take up a state; see ``Method``."""
        super().load_state_dict(state)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"] = group["lr"].to(self.device)
        self.graphs.forget()

    def discriminator_step(self) -> dict[str, Tensor]:
        """Update D once on a fresh batch; returns its loss and mean logits."""
        real = self.real_images()
        name = f"discriminator, generator in {'train' if self.G.training else 'eval'} mode"
        return self.graphs.run(name, self.update_discriminator, real, self.latents(len(real)))

    def generator_step(self) -> dict[str, Tensor]:
        """Update G once on fresh latents; returns its loss."""
        name = f"generator in {'train' if self.G.training else 'eval'} mode"
        return self.graphs.run(name, self.update_generator, self.latents(self.spec.batch_size))

    def update_discriminator(self, real: Tensor, z: Tensor) -> dict[str, Tensor]:
        """Update D once on real images (N,3,H,W) and as many generated ones, of latents (N, latent_dim)."""
        with torch.no_grad():
            fake = self.fakes(z)
        self.optimisers["discriminator"].zero_grad(set_to_none=True)
        loss, record = self.discriminator_loss(real, fake)
        if self.regulariser is not None:
            penalty = self.regulariser(self.D, *self.penalised(real, fake))
            loss, record = loss + penalty, record | {"d_penalty": penalty}
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers["discriminator"].step()
        if self.options.weight_clip is not None:
            clip_weights(self.D, self.options.weight_clip)
        return {name: value.detach() for name, value in (record | {"d_loss": loss}).items()}

    def update_generator(self, z: Tensor) -> dict[str, Tensor]:
        """Update G once on latents (N, latent_dim)."""
        self.optimisers["generator"].zero_grad(set_to_none=True)
        with frozen_parameters(self.D):
            loss = self.generator_loss(z)
        if loss.requires_grad:  # a method may show D images that G gets no gradient from
            loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers["generator"].step()
        return {"g_loss": loss.detach()}

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

    def discriminate(self, images: Tensor) -> DiscriminatorOutput:
        """Pass ``images`` through D once."""
        with self.autocast():
            logits: Tensor = self.D(images)
        return DiscriminatorOutput(logits.float())

    def logits(self, images: Tensor) -> Tensor:
        """Return D's logits (N,), float32."""
        return self.discriminate(images).logits

    def adversarial_loss(
        self, real: DiscriminatorOutput, fake: DiscriminatorOutput
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return D's adversarial loss, 0-d, and what else to log."""
        record = {"d_real": real.logits.mean(), "d_fake": fake.logits.mean()}
        return self.loss.d(real.logits, fake.logits), record

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return D's loss (without the regulariser), 0-d, and what else to log."""
        output = self.discriminate(real)
        loss, record = self.adversarial_loss(output, self.discriminate(fake))
        return self.add_auxiliary(loss, self.real_auxiliary(real, output), record)

    def generator_loss(self, z: Tensor) -> Tensor:
        """Return G's loss on latents ``z``, 0-d."""
        fake = self.fakes(z)
        output = self.discriminate(fake)
        loss, extra = self.loss.g(output.logits), self.fake_auxiliary(fake, output)
        return loss if extra is None else loss + extra

    def real_auxiliary(self, images: Tensor, output: DiscriminatorOutput | None) -> Tensor | None:
        """Return what D learns besides real and fake, as a weighted loss, 0-d; None for nothing.

        Args:
            images: real images (N,3,H,W).
            output: their pass through D where there has been one, to be used again.
        """
        return None

    def fake_auxiliary(self, images: Tensor, output: DiscriminatorOutput | None) -> Tensor | None:
        """Return what G learns besides fooling D; as ``real_auxiliary``, of generated images."""
        return None

    def penalised(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the real and the fake images that D's regulariser is given, after ``discriminator_loss``."""
        return real, fake

    @staticmethod
    def add_auxiliary(
        loss: Tensor, extra: Tensor | None, record: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of both losses, and the record with the auxiliary one in it."""
        if extra is None:
            return loss, record
        return loss + extra, record | {"d_auxiliary": extra}
