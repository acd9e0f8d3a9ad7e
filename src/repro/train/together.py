"""The training loop: steps, logs, snapshots, checkpoints, of one run or of several seeds side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor

from repro.core.errors import ReproError
from repro.core.spec import snapshot_steps
from repro.core.timing import Stopwatch
from repro.train.loop import Loop, Outcome
from repro.train.meter import DivergedError
from repro.train.progress import ProgressDisplay
from repro.train.signals import StoppedError, StopSignals
from repro.train.split import Split

TakeStep = Callable[[int], list[dict[str, Tensor]]]


class MembersDivergedError(ReproError):
    """Runs that were trained side by side, or the one that was trained alone, diverged: why, by run id."""

    def __init__(self, members: dict[str, DivergedError]) -> None:
        self.members = members
        super().__init__(
            f"training diverged: {', '.join(members)}", remedy="the other seeds can go on without them"
        )


def run_together(
    loops: Sequence[Loop], take_step: TakeStep, *, until: int | None = None, progress: bool
) -> list[Outcome]:
    """Train runs that differ in their seeds side by side, from the step that all are at.

    Times in logs and books are each run's share.

    Args:
        loops: the runs, resumed; usually one.
        take_step: trains all of them by one step and returns the metrics of each.
        until: the step to stop at; None: the last one.
        progress: show progress on stderr.

    Raises:
        MembersDivergedError: a loss or weight became infinite or NaN; the last good checkpoint is kept.
        ReproError: a file cannot be written.
        StoppedError: SIGTERM or SIGINT came; the step was finished and a checkpoint written.
    """
    first, count = loops[0], len(loops)
    spec, steps = first.spec, first.spec.steps
    end = steps if until is None else until
    log_every = first.settings.log_interval(steps)
    snapshots = set(snapshot_steps(steps, spec.snapshots))
    watch, watched = Stopwatch(first.method.device), 0.0
    split = Split(loop.method.watch for loop in loops)
    began = saved = time.monotonic()
    logged = start = first.step
    label = spec.run_id if count == 1 else f"{spec.run_id} and {count - 1} other seeds"
    with ExitStack() as stack:
        logs = [stack.enter_context(loop.open_log()) for loop in loops]
        display = stack.enter_context(ProgressDisplay(label, total=steps, start=start, shown=progress))
        stop = stack.enter_context(StopSignals())

        def spend() -> None:
            for loop in loops:
                loop.spend(
                    seconds=(time.monotonic() - began) / count,
                    device_seconds=watch.seconds / count,
                    attack_seconds=split.so_far(),
                )

        while first.step < end:
            watch.start()
            begins = first.step == start
            metrics = _guarded(first, take_step) if begins else take_step(first.step)
            for loop, own in zip(loops, metrics, strict=True):
                if begins and loop.certificate is not None:
                    loop.certificate.first_step({name: float(value) for name, value in own.items()})
                loop.meter.add(own)
                loop.step += 1
            step, last = first.step, first.step == end
            if step % log_every == 0 or step == steps:
                watch.stop()
                seconds, watched = watch.seconds - watched, watch.seconds
                spend()
                _every(loops, Loop.check_metrics)
                passed, attacks = step - logged, split.since_last()
                for loop, log in zip(loops, logs, strict=True):
                    means = loop.meter.means()
                    line = {
                        "step": step,
                        "seconds": round(loop.before.seconds + (time.monotonic() - began) / count, 3),
                        "device_seconds_per_step": seconds / passed / count,
                        "metrics": means,
                    }
                    if attacks:
                        line["attack_seconds_per_step"] = {name: s / passed for name, s in attacks.items()}
                    log.write(line)
                    if loop.certificate is not None:
                        loop.certificate.logged(line)
                logged = step
                display.metrics(means)
            display.update(step)
            snapshot = step in snapshots
            if not (last or snapshot or stop.received or first.due(saved)):
                continue
            watch.stop()
            spend()
            _every(loops, partial(Loop.keep, snapshot=snapshot))
            saved = time.monotonic()
            if stop.received and step < steps:
                raise StoppedError(
                    f"{stop.received} ended {label} after step {step} of {steps}",
                    remedy="run the same command again: it goes on from this step",
                    where=first.path,
                )
    return [loop.outcome(stop.received) for loop in loops]


def _every(loops: Sequence[Loop], act: Callable[[Loop], None]) -> None:
    """Do ``act`` for every run; one that diverged keeps none of the others from it."""
    diverged: dict[str, DivergedError] = {}
    for loop in loops:
        try:
            act(loop)
        except DivergedError as error:
            diverged[loop.spec.run_id] = error
    if diverged:
        raise MembersDivergedError(diverged)


def _guarded(loop: Loop, take_step: TakeStep) -> list[dict[str, Tensor]]:
    """Take a step and check that it drew nothing from torch's global generator.

    That is in no checkpoint: a method that draws from it could not be resumed.
    """
    before = _global_states(loop.method.device)
    metrics = take_step(loop.step)
    if any(not torch.equal(a, b) for a, b in zip(before, _global_states(loop.method.device), strict=True)):
        raise RuntimeError(
            f"method {loop.spec.method} draws from torch's global generator, not from a stream"
        )
    return metrics


def _global_states(device: torch.device) -> list[torch.Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states
