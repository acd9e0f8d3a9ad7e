"""A request to stop that comes in the worst moment: just after it was asked whether one has come."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Literal
from unittest import mock

import pytest

import tiny_gan
from repro.core import checkpoint
from repro.core.paths import Layout
from repro.train import loop
from repro.train.settings import LoopSettings
from repro.train.signals import StoppedError, StopSignals


def comes_after_reading(number: int) -> type[StopSignals]:
    """Return signals of which SIGTERM comes right after the loop has read ``received`` so often."""

    class Signals(StopSignals):
        reads = 0
        noted: str | None = None

        @property
        def received(self) -> str | None:  # type: ignore[override]
            before = self.noted
            type(self).reads += 1
            if self.reads == number:
                os.kill(os.getpid(), signal.SIGTERM)
            return before

        @received.setter
        def received(self, value: str | None) -> None:
            self.noted = value

    return Signals


@pytest.mark.parametrize(
    ("reads", "message", "step"),
    [
        (3, "SIGTERM ended run-0 after step 4 of 6", 4),
        (6, "SIGTERM came while run run-0 ended; the run is finished", 6),
    ],
)
def test_a_signal_is_not_lost_that_comes_while_they_agree(
    tmp_path: Path, reads: int, message: str, step: int
) -> None:
    spec, layout = tiny_gan.tiny_spec(steps=6), Layout(tmp_path, "t")
    with (
        mock.patch.object(loop, "StopSignals", comes_after_reading(reads)),
        pytest.raises(StoppedError, match=message.replace("run-0", spec.run_id)),
    ):
        tiny_gan.train(spec, layout)
    assert checkpoint.load(layout.checkpoint(spec.run_id)).header["step"] == step
    assert layout.record(spec.run_id).exists() == (step == 6)


@pytest.mark.parametrize("diverged", ["record", "stop"])
def test_a_run_that_fails_as_it_is_asked_to_stop_ends_what_comes_after_it(
    tmp_path: Path, diverged: Literal["record", "stop"]
) -> None:
    """Its divergence is found again when it goes on."""
    spec, layout = tiny_gan.tiny_spec(steps=6, poison_step=3), Layout(tmp_path, "t")
    settings = LoopSettings(log_every=100, diverged=diverged)
    with (
        mock.patch.object(loop, "StopSignals", comes_after_reading(4)),
        pytest.raises(StoppedError, match=r"SIGTERM came, and the run failed: .*diverged at step"),
    ):
        tiny_gan.train(spec, layout, settings)
    assert not layout.record(spec.run_id).exists()
    if diverged == "record":
        tiny_gan.train(spec, layout, settings)
        assert layout.record(spec.run_id).exists()
