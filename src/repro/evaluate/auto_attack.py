"""Accuracy under AutoAttack (Croce and Hein, 2020) in percent, and signs of a defence that hides gradients.

The attacks are torchattacks', which shares no code with this package: the audit of the numbers that our own
attacks give (see ``attacks.auto_attack``).
"""

from __future__ import annotations

from collections import defaultdict

from pydantic import Field

from repro.attacks.auto_attack import AutoAttack, suspect_signs
from repro.attacks.threat_model import Bounds, Norm, ThreatModel
from repro.core.spec import EvaluationSpec
from repro.data.minibatches import in_order
from repro.evaluate.context import Context
from repro.evaluate.registry import MeasureOptions, PositiveRadii, Values
from repro.evaluate.robust_accuracy import Unit, check_radii, stated_bounds
from repro.evaluate.trained import Trained


class Options(MeasureOptions):
    """The attacker, and what is attacked. Steps and queries are those of AutoAttack's authors.

    Attributes:
        norm: ``linf`` or ``l2``.
        radii: one audit for each.
        unit: pixel range in which radii are meant: ``model`` is the range that the method trains on, ``unit``
            [0,1], ``symmetric`` [-1,1].
        steps: of APGD and FAB.
        queries: of Square.
        split: which images; the profile says how many.
        batch_size: images attacked at once.
    """

    norm: Norm = "linf"
    radii: PositiveRadii = (8 / 255,)
    unit: Unit = "unit"
    steps: int = Field(default=100, ge=1)
    queries: int = Field(default=5000, ge=1)
    split: str = "test"
    batch_size: int = Field(default=250, ge=1)

    def check(self, spec: EvaluationSpec) -> None:
        """Check that no radius exceeds the box of the data set's images.

        Raises:
            ReproError: one does.
        """
        check_radii(self.threat_model, self.radii, spec)

    def threat_model(self, radius: float, bounds: tuple[float, float]) -> ThreatModel:
        """Return norm, radius and bounds in units of the model's own pixel range ``bounds``."""
        own = Bounds(low=bounds[0], high=bounds[1])
        return ThreatModel.fast_gradient(self.norm, radius, stated_bounds(self.unit, own)).to(own)


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return percentages of images, and note flags and threat model.

    For each radius R: ``accuracy@R`` of images that withstood every attack, ``<attack>@R`` of those that
    withstood this attack and those before it (``apgd_ce``, ``apgd_ce_again``, ``apgd_t`` from four classes
    on, ``fab_t``, ``square``), ``vanished@R`` of images without a gradient. ``accuracy@0`` is clean accuracy.

    Raises:
        ReproError: the run has no classifier, the split does not exist, or torchattacks is not installed.
    """
    network, bounds = trained.method.classifier(), trained.method.bounds
    data = context.labelled(options.split)
    grid = ", ".join(f"{radius:g}" for radius in options.radii)
    stated = stated_bounds(options.unit, Bounds(low=bounds[0], high=bounds[1]))
    context.threat_model = (
        f"AutoAttack (torchattacks: APGD-CE twice, APGD-T, FAB-T, Square), {options.norm}, radii {grid} in "
        f"{stated}, {options.steps} steps, {options.queries} queries"
    )
    values: Values = {}
    for radius in options.radii:
        threat = options.threat_model(radius, bounds)
        attack = AutoAttack(
            model=network,
            threat=threat,
            seed=context.spec.seed,
            steps=options.steps,
            queries=options.queries,
        )
        left: defaultdict[str, float] = defaultdict(float)
        vanished = 0.0
        for images, labels in in_order(data, options.batch_size, bounds):
            with context.watch.part("attack"):
                audit = attack.audit(images, labels)
            share = len(images) / len(data)
            vanished += share * audit.vanished
            for name, percent in audit.accuracy.items():
                left[name] += share * percent
        context.flags.update(suspect_signs(left, vanished))
        values["accuracy@0"] = left.pop("clean")
        values |= {f"{name}@{radius:g}": percent for name, percent in left.items()}
        values[f"accuracy@{radius:g}"] = min(left.values())
        values[f"vanished@{radius:g}"] = vanished
    return values
