"""What DAT's published trainer does to a training by measuring it; off by default, for the ledger to measure.

Every 500 steps that trainer computes FID, IS and KID inside the loop. The measurement sets the generator to
eval mode, and nothing sets it back: from then on G trains with frozen batch norm. It also sets all seeds to
0, so that latents and data order repeat from one measurement to the next.
"""

from __future__ import annotations

from torch import nn

from repro.core.streams import Streams

MEASURED_WITH = 0  # the seed that each measurement of the published code sets


def within(every: int, steps: int) -> int:
    """Return the step of the first measurement: ``every``, or half-way in a run shorter than twice that."""
    return min(every, max(1, steps // 2))


def act_as_published_trainer(
    step: int,
    steps: int,
    generator: nn.Module,
    streams: Streams,
    *,
    eval_mode_after: int | None,
    reset_seeds_every: int | None,
) -> None:
    """Do to generator and streams what the published trainer has done to them before a step.

    Args:
        step: number of steps done.
        steps: of the whole run.
        generator: its mode depends on ``step`` alone, so that a resumed run goes on in the right one.
        streams: the run's random streams.
        eval_mode_after: steps after which the generator stays in eval mode; None for never.
        reset_seeds_every: steps between two resets of the streams to seed 0; None for none.
    """
    if eval_mode_after is not None:
        generator.train(step < within(eval_mode_after, steps))
    if reset_seeds_every is not None and step and step % within(reset_seeds_every, steps) == 0:
        streams.rewind(MEASURED_WITH)
