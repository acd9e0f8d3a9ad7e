"""The mistakes of DAT's published trainer: what they do, and that without the options nothing is done."""

from __future__ import annotations

import pytest
import torch

from method_cases import CPU, spec_of, tiny_data
from repro.core.errors import ReproError
from repro.core.streams import Streams
from repro.methods.base import Method
from repro.methods.published_trainer import within
from repro.methods.registry import load_method

STEPS = 4


def made(seed: int = 3, **options: object) -> tuple[Method, Streams]:
    streams = Streams(seed)
    spec = spec_of("gan", seed=seed, n_dis=1, **options)
    return load_method("gan")(spec, tiny_data(), streams, CPU), streams


@pytest.mark.parametrize(
    ("every", "steps", "first"), [(500, 100_000, 500), (500, 1000, 500), (500, 999, 499), (500, 1, 1)]
)
def test_short_runs_are_measured_half_way(every: int, steps: int, first: int) -> None:
    assert within(every, steps) == first


def test_the_generator_stays_in_eval_mode_and_its_statistics_rest() -> None:
    method, _ = made(eval_mode_after=2)
    generator = method.generator()
    modes, statistics = [], []
    for step in range(STEPS):
        method.step(step)
        modes.append(generator.training)
        statistics.append(torch.cat([b.flatten().double() for b in generator.buffers()]))
    assert modes == [True, True, False, False]
    assert not torch.equal(statistics[0], statistics[1])
    assert torch.equal(statistics[1], statistics[2])
    assert torch.equal(statistics[2], statistics[3])
    resumed, _ = made(eval_mode_after=2)
    resumed.step(3)  # a resumed run knows its mode from the step alone
    assert not resumed.generator().training


def test_the_seeds_go_back_to_zero_at_each_measurement() -> None:
    method, streams = made(reset_seeds_every=2)
    seen = []
    for step in range(STEPS):
        method.step(step)
        seen.append(streams.generator("latent").get_state())
    fresh = Streams(0).generator("latent")
    torch.randn(2 * 8, 128, generator=fresh)  # D's and G's latents of one step
    assert torch.equal(seen[2], fresh.get_state())
    assert not torch.equal(seen[0], fresh.get_state())  # seed 3 until then


def test_a_trainer_without_them_leaves_mode_and_streams_alone() -> None:
    method, streams = made()
    other = Streams(3).generator("latent")
    for step in range(STEPS):
        method.step(step)
        assert method.generator().training
        torch.randn(8, 128, generator=other)
        torch.randn(8, 128, generator=other)
    assert torch.equal(streams.generator("latent").get_state(), other.get_state())


@pytest.mark.parametrize("option", ["eval_mode_after", "reset_seeds_every"])
def test_a_measurement_before_the_first_step_is_refused(option: str) -> None:
    with pytest.raises(ReproError, match=option):
        made(**{option: 0})
