"""What a measurement works with: the data it asks for, its own random streams, and the notes it leaves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, Flag, Source, StandIn, stand_ins_in_order
from repro.core.streams import Streams
from repro.core.timing import SplitWatch
from repro.data.catalogue import dataset_info
from repro.data.facts import SplitFacts
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.data.state import folder_at_hand
from repro.evaluate.extractor import DINOV2, INCEPTION, Extractor
from repro.evaluate.inception import inception_extractor
from repro.evaluate.registry import validate_options
from repro.evaluate.trained import Trained, load_trained

if TYPE_CHECKING:
    from repro.evaluate.feature_store import FeatureStore


@dataclass
class Shared:
    """What the measurements of one process have in common, loaded once.

    Attributes:
        layout: the profile's folders.
        device: where everything is computed.
        data_root: folder of the real data sets, or None.
        inception: file of the Inception weights, or None to look for them (see ``inception.py``).
    """

    layout: Layout
    device: torch.device
    data_root: Path | None
    inception: Path | None
    _images: dict[tuple[str, str, Source, int | None], ImageSet] = field(default_factory=dict)
    _extractors: dict[str, Extractor] = field(default_factory=dict)
    _trained: dict[str, Trained] = field(default_factory=dict)

    def images(self, name: str, split: str, source: Source, limit: int | None) -> ImageSet:
        """Return the images of one split on the device; errors are those of ``load_images``."""
        key = (name, split, source, limit)
        if key not in self._images:
            loaded = load_images(name, split, source=source, limit=limit, root=self.data_root)
            self._images[key] = loaded.to(self.device)
        return self._images[key]

    def trained(self, run_id: str) -> Trained:
        """Return a second run beside the measured one, in eval mode; errors are those of ``load_trained``."""
        if run_id not in self._trained:
            self._trained[run_id] = load_trained(self.layout, run_id, self.device)
        return self._trained[run_id]

    @cached_property
    def features(self) -> FeatureStore:
        """Features of samples and references."""
        from repro.evaluate.feature_store import FeatureStore  # here, as below

        return FeatureStore(self.device)

    def extractor(self, name: str) -> Extractor:
        """Return a public feature extractor by its word, or the embedded one that run ``name`` trained.

        Raises:
            ReproError: weights or checkpoint are missing, damaged or not those of an extractor.
        """
        if name not in self._extractors:
            if name == INCEPTION:
                self._extractors[name] = inception_extractor(self.inception)
            elif name == DINOV2:
                from repro.evaluate.dinov2 import dinov2_extractor

                self._extractors[name] = dinov2_extractor()
            else:
                # here, because torch-fidelity takes a second to import and most measurements need none
                from repro.evaluate.features import embedded_extractor

                self._extractors[name] = embedded_extractor(load_trained(self.layout, name, self.device))
        return self._extractors[name]


@dataclass
class Context:
    """One measurement's surroundings.

    Attributes:
        spec: the evaluation.
        shared: what it shares with the others of its process.
        pictures: folder for pictures (made on demand); all files in it become part of the result.
        threat_model: what the measurement says about its attacker, or None.
        flags: signs that the number misleads (``core.spec.FLAGS``).
        watch: where an attacking measurement adds up the time of network and kernel.
        stand_ins: whatever stood in for the real thing so far.
        data: the images that were read so far.
    """

    spec: EvaluationSpec
    shared: Shared
    pictures: Path
    threat_model: str | None = None
    flags: set[Flag] = field(default_factory=set)
    watch: SplitWatch = field(init=False)
    stand_ins: set[StandIn] = field(default_factory=set)
    data: set[SplitFacts] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.watch = SplitWatch(self.device)

    @property
    def device(self) -> torch.device:
        """Return where everything is computed."""
        return self.shared.device

    def generator(self, name: str) -> torch.Generator:
        """Return the random stream ``name`` at its start, derived from the evaluation's seed alone.

        It is none of a training's: a run of the same seed would be measured from the latents it learnt from.
        """
        return Streams(self.spec.seed, self.device).generator(f"evaluation/{name}")

    def images(self, split: str, at_most: int | None = None) -> ImageSet:
        """Return at most ``spec.limit`` images of one split of the evaluation's data set, on the device.

        Args:
            split: which part of the set.
            at_most: the number that the measurement itself wants; all of them are not a stand-in.

        Raises:
            RuntimeError: the measurement's options do not say that it reads this (``MeasureOptions.reads``).
        """
        if (split, at_most) not in self._reads():
            raise RuntimeError(f"{self.spec.measure} reads {split}, which its options' `reads` leave out")
        images = self._load(split, at_most)
        if at_most is None or len(images) < at_most or images.source == "synthetic" or images.of_sample:
            self.stand_ins.update(images.stand_ins)
        self.data.add(images.facts)
        return images

    def labelled(self, split: str, at_most: int | None = None) -> ImageSet:
        """Return ``images(split, at_most)``; ReproError where they have no classes."""
        images = self.images(split, at_most)
        if not images.classes:
            raise ReproError(
                f"{images.name} ({split}) has no classes, which {self.spec.measure} needs",
                remedy="name a split with classes among the evaluation's options, such as test",
            )
        return images

    def has_changed(self, data: Iterable[SplitFacts]) -> bool:
        """Return whether the data root holds other images than a result of this evaluation was measured on.

        What is not at hand has not changed; synthetic images are made by code.
        """
        spec = self.spec
        if spec.source == "synthetic" or not folder_at_hand(
            dataset_info(spec.dataset), self.shared.data_root
        ):
            return False
        return set(data) != self.promised()

    def promised(self) -> set[SplitFacts]:
        """Return what the measurement's options say that it reads."""
        return {self._load(*wanted).facts for wanted in self._reads()}

    def _reads(self) -> list[tuple[str, int | None]]:
        return validate_options(self.spec.measure, self.spec.options).reads(self.spec)

    def _load(self, split: str, at_most: int | None) -> ImageSet:
        spec = self.spec
        return self.shared.images(spec.dataset, split, spec.source, spec.at_most(at_most))

    def extractor(self) -> Extractor:
        """Return the feature extractor that the evaluation asks for.

        Raises:
            ReproError: it asks for none, or the extractor cannot be had.
        """
        if self.spec.extractor is None:
            raise ReproError(
                f"{self.spec.measure} of {self.spec.run} needs a feature extractor and names none",
                remedy="set the extractor of the profile: inception, or the run id of an embedded extractor",
            )
        extractor = self.shared.extractor(self.spec.extractor)
        self.stand_ins |= extractor.stand_ins
        return extractor

    def surrogate(self) -> Trained | None:
        """Return the run whose gradients an indirect attack uses, None for a direct attack.

        Raises:
            ReproError: its checkpoint is missing, damaged or of an unfinished run.
        """
        if self.spec.surrogate is None:
            return None
        trained = self.shared.trained(self.spec.surrogate)
        self.stand_ins.update(trained.stand_ins)
        return trained

    def all_stand_ins(self) -> tuple[StandIn, ...]:
        """Return what stood in, noted here or declared by the specification, in fixed order."""
        return stand_ins_in_order([*self.stand_ins, *self.spec.stand_ins])
