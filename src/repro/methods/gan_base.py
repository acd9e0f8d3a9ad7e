"""The alternating training of generator and discriminator; a paper's method overrides its verbs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from repro.core.device import without_tf32
from repro.core.errors import ReproError
from repro.core.ranks import count
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
from repro.methods.regularisers.base import Regulariser
from repro.methods.regularisers.registry import make_regulariser
from repro.methods.update_graph import UpdateGraphs
from repro.models.dropout import drops
from repro.models.heads import ClassView, SourceView, TwoHeads
from repro.models.labelled import LabelledSides
from repro.models.modes import frozen_parameters


class Labels(NamedTuple):
    """Classes (N,), int64, of an update's real and generated images; None in a GAN without classes."""

    real: Tensor | None = None
    fake: Tensor | None = None


class DiscriminatorOutput(NamedTuple):
    """One pass of D: logits (N,), float32, and what an auxiliary loss needs of the same pass.

    An auxiliary classifier gives ``class_logits`` (N, classes), float32.
    """

    logits: Tensor
    features: tuple[Tensor, ...] = ()
    class_logits: Tensor | None = None


NO_LABELS = Labels()


def class_loss(output: DiscriminatorOutput, classes: Tensor | None) -> Tensor:
    """Return the mean cross-entropy of an auxiliary classifier, 0-d."""
    assert output.class_logits is not None
    assert classes is not None
    return F.cross_entropy(output.class_logits, classes)


def spread(images: Tensor) -> Tensor:
    """Return how much images (N,...) differ: the root of their values' mean variance over the batch, 0-d."""
    return images.detach().var(dim=0, correction=0).mean().sqrt()


class GanMethod(Method):
    """A GAN. One step is one update of G with its ``n_dis`` updates of D.

    Whether it is conditional is the affair of its networks (``models/registry.py``): a generator with classes
    is given uniformly drawn ones, its discriminator the real images' own and those that were drawn.

    Verbs that a method may override: ``discriminator_loss``, ``generator_loss``; for auxiliary losses
    ``discriminate``, ``real_auxiliary``, ``fake_auxiliary``; for other data ``open_data``,
    ``real_images``; ``draws_within_updates`` where a loss draws. D's update never reaches G, nor G's D.
    """

    Options: ClassVar[type[MethodOptions]] = GanOptions
    options: GanOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        self.options.check_precision(spec.precision)
        self.exact = self.options.coarsest == "float32"
        with streams.seeded("initialisation"):
            networks = self.build_network()
        self.G, self.D = (place(network, device, spec.precision) for network in networks)
        lacking = [name for name in ("latent_dim", "n_classes") if not hasattr(self.G, name)]
        if lacking:
            raise ReproError(
                f"the generator of network {self.options.network} has no {' and no '.join(lacking)}",
                remedy="set it in the network's class (n_classes = 0 where it takes no classes)",
            )
        self.conditional = bool(self.G.n_classes)
        self.modules = {"generator": self.G, "discriminator": self.D}
        self.loss = make_loss(self.options.loss)
        self.regulariser = make_regulariser(
            self.options.regulariser,
            self.options.regulariser_options,
            streams.generator("noise/regulariser"),
            self.loss,
        )
        if self.regulariser is not None:
            self._check_needs(self.regulariser)
            self.regulariser.watch = self.watch
        self.open_data()
        wanted = self.options.cuda_graph and device.type == "cuda" and count() == 1
        self.make_optimisers(graphs=wanted and not self.draws_within_updates())

    def _check_needs(self, regulariser: Regulariser) -> None:
        """Check that D has what a regulariser asks of it; ReproError where not."""
        judge, o = self.judge(NO_LABELS), self.options
        missing = ", ".join(need for need in regulariser.needs if not hasattr(judge, need))
        if missing:
            raise ReproError(
                f"the discriminator of network {o.network} has no {missing}, which {o.regulariser} compares",
                remedy="choose another network or regulariser",
            )

    def make_optimisers(self, *, graphs: bool) -> None:
        """Make optimisers and schedulers; with ``graphs`` such that updates can be replayed."""
        self.graphs, o = UpdateGraphs(graphs, self.watch, self._tensors), self.options
        how: dict[str, Any] = {"betas": (o.beta1, o.beta2), "fused": graphs or self.device.type == "cuda"}
        for name, network in self.modules.items():
            # a graph keeps plain numbers as they were at its capture; the learning rate changes
            lr = torch.tensor(o.learning_rate, device=self.device) if graphs else o.learning_rate
            self.optimisers[name] = Adam(network.parameters(), lr=lr, capturable=graphs, **how)
            if o.decay != "none":
                self.schedulers[name] = LambdaLR(self.optimisers[name], lambda step: self.rate(step))

    def _tensors(self) -> list[Tensor]:
        """Return all that updates change."""
        return [
            *(value for network in self.modules.values() for value in network.state_dict().values()),
            *(
                value
                for optimiser in self.optimisers.values()
                for state in optimiser.state.values()
                for value in state.values()
            ),
        ]

    def open_data(self) -> None:
        """Prepare the batches that ``real_images`` draws from."""
        o = self.options
        augments = o.flip or o.crop_padding or o.crop_area
        self.batches["real"] = Minibatches(
            self.data,
            self.spec.batch_size,
            self.streams.generator("data_order"),
            bounds=self.bounds,
            flip=o.flip,
            crop_padding=o.crop_padding,
            crop_area=o.crop_area,
            augmentation=self.streams.generator("augmentation") if augments else None,
        )

    def rate(self, step: int) -> float:
        """Return the share of the learning rate that ``step`` takes, where it decays."""
        left = max(0.0, 1 - step / self.spec.steps)
        return min(1.0, left / (1 - self.options.decay_from))

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
        real, classes = self.real_batch()
        z, drawn = self.latents(len(real)), self.random_classes(len(real))
        labels = [classes, *drawn] if self.conditional else []
        name = f"discriminator, generator in {'train' if self.G.training else 'eval'} mode"
        with self.exactly():
            return self.graphs.run(name, self.update_discriminator, real, z, *labels)

    def exactly(self) -> AbstractContextManager[None]:
        """Return within what an update is computed: without TF32 where that is too coarse."""
        return without_tf32() if self.exact else nullcontext()

    def generator_step(self) -> dict[str, Tensor]:
        """Update G once on fresh latents; returns its loss."""
        name = f"generator in {'train' if self.G.training else 'eval'} mode"
        n = self.spec.batch_size
        with self.exactly():
            return self.graphs.run(name, self.update_generator, self.latents(n), *self.random_classes(n))

    def update_discriminator(self, real: Tensor, z: Tensor, *classes: Tensor) -> dict[str, Tensor]:
        """Update D once.

        Args:
            real: real images (N,3,H,W).
            z: latents (N, latent_dim) of as many generated ones.
            classes: of a conditional GAN, those of both, see ``Labels``.
        """
        labels = Labels(*classes)
        with torch.no_grad():
            fake = self.fakes(z, labels.fake)
        self.optimisers["discriminator"].zero_grad(set_to_none=True)
        loss, record = self.discriminator_loss(real, fake, labels)
        record = record | {"diversity": spread(fake) / spread(real).clamp_min(1e-6)}
        if self.regulariser is not None:
            penalty = self.regulariser(self.judge(labels), *self.penalised(real, fake))
            loss, record = loss + penalty, record | {"d_penalty": penalty}
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers["discriminator"].step()
        if self.options.weight_clip is not None:
            clip_weights(self.D, self.options.weight_clip)
        return {name: value.detach() for name, value in (record | {"d_loss": loss}).items()}

    def update_generator(self, z: Tensor, *classes: Tensor) -> dict[str, Tensor]:
        """Update G once on latents (N, latent_dim), of a conditional GAN with their ``classes``."""
        self.optimisers["generator"].zero_grad(set_to_none=True)
        with frozen_parameters(self.D):
            loss = self.generator_loss(z, *classes)
        if loss.requires_grad:  # a method may show D images that G gets no gradient from
            loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers["generator"].step()
        return {"g_loss": loss.detach()}

    def random_classes(self, n: int) -> list[Tensor]:
        """Return uniform classes (n,), int64, as the one item of a list; in a GAN without classes none."""
        return [self.uniform_classes(n)] if self.conditional else []

    def real_batch(self) -> tuple[Tensor, Tensor]:
        """Return the next batch of real images (N,3,H,W) in [-1,1] and its classes (N,), int64."""
        return self.batches["real"].next()

    def real_images(self) -> Tensor:
        """Return the next batch of real images alone."""
        return self.real_batch()[0]

    def fakes(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return generated images (N,3,H,W) in [-1,1], float32 whatever the network's format."""
        with self.autocast():
            images: Tensor = self.G(z, classes)
        return images.float()

    def judge(self, labels: Labels) -> nn.Module:
        """Return D as a network from images to logits (N,), whatever it takes or gives besides.

        Of a D that is given classes, the view has those of both sides (``models/labelled.py``).
        """
        if isinstance(self.D, TwoHeads):
            return SourceView(self.D)
        if labels.real is None or labels.fake is None:
            return self.D
        return LabelledSides(self.D, labels.real, labels.fake)

    def discriminator(self) -> nn.Module:
        """Return D as ``Method.discriminator`` does; ReproError where it is given classes."""
        if not self.conditional or isinstance(self.D, TwoHeads):
            return self.judge(NO_LABELS)
        raise self._lacks("discriminator that judges an image without its class")

    def classifier(self) -> nn.Module:
        """Return D's auxiliary classifier; ReproError where it has none."""
        return ClassView(self.D) if isinstance(self.D, TwoHeads) else super().classifier()

    def discriminate(self, images: Tensor, classes: Tensor | None = None) -> DiscriminatorOutput:
        """Pass ``images`` through D once, which is told their ``classes`` where it takes them."""
        with self.autocast():
            if isinstance(self.D, TwoHeads):
                logits, class_logits = self.D(images)
                return DiscriminatorOutput(logits.float(), class_logits=class_logits.float())
            logits = self.D(images) if classes is None else self.D(images, classes)
        return DiscriminatorOutput(logits.float())

    def logits(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return D's logits (N,), float32."""
        return self.discriminate(images, classes).logits

    def adversarial_loss(
        self, real: DiscriminatorOutput, fake: DiscriminatorOutput
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return D's adversarial loss, 0-d, and what else to log."""
        record = {"d_real": real.logits.mean(), "d_fake": fake.logits.mean()}
        return self.loss.d(real.logits, fake.logits), record

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, labels: Labels = NO_LABELS
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return D's loss (without the regulariser), 0-d, and what else to log."""
        output = self.discriminate(real, labels.real)
        of_fake = self.discriminate(fake, labels.fake)
        loss, record = self.adversarial_loss(output, of_fake)
        if output.class_logits is not None:
            on_real, on_fake, _ = self.class_weights()
            assert labels.real is not None
            loss = loss + on_real * class_loss(output, labels.real)
            record["accuracy"] = (output.class_logits.argmax(dim=1) == labels.real).float().mean()
            loss = loss + on_fake * class_loss(of_fake, labels.fake) if on_fake else loss
        return self.add_auxiliary(loss, self.real_auxiliary(real, output), record)

    def generator_loss(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return G's loss on latents ``z`` (and their ``classes``), 0-d."""
        fake = self.fakes(z, classes)
        output = self.discriminate(fake, classes)
        loss, extra = self.loss.g(output.logits), self.fake_auxiliary(fake, output)
        if output.class_logits is not None:
            loss = loss + self.class_weights()[2] * class_loss(output, classes)
        return loss if extra is None else loss + extra

    def class_weights(self) -> tuple[float, float, float]:
        """Return the weights of an auxiliary classifier's losses: on real and fake images in D's, in G's."""
        o = self.options
        return o.class_real, o.class_fake, o.class_generator

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
