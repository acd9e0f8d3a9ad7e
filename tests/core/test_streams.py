"""Random streams: independent of each other, the same in every process, restorable."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from repro.core.errors import ReproError
from repro.core.streams import Streams, cuda_devices, stream_seed


def draw(streams: Streams, name: str, n: int = 5) -> list[float]:
    return torch.rand(n, generator=streams.generator(name)).tolist()


def test_the_numbers_are_those_of_every_process() -> None:
    # derived by sha256, not by Python's hash(), which differs from process to process
    assert stream_seed(0, "latent") == 2015146304195746824  # printf 0/latent | sha256sum, halved
    assert Streams(0).generator("latent").initial_seed() == stream_seed(0, "latent")


@given(seed=st.integers(0, 2**63), name=st.text(max_size=20))
def test_every_seed_and_name_gives_a_seed_that_torch_takes(seed: int, name: str) -> None:
    assert 0 <= stream_seed(seed, name) < 2**63
    Streams(seed).generator(name)


def test_one_stream_does_not_move_another() -> None:
    a, b = Streams(3), Streams(3)
    draw(b, "dropout", 1000)
    assert draw(a, "latent") == draw(b, "latent")
    assert draw(a, "latent") != draw(a, "dropout")
    assert draw(Streams(4), "latent") != draw(Streams(3), "latent")
    assert a.generator("latent") is a.generator("latent")


def test_a_saved_state_goes_on_where_it_was_taken() -> None:
    a = Streams(1)
    torch.randn(
        3, generator=a.generator("latent")
    )  # an odd count: the generator keeps half a pair of normals
    draw(a, "data_order")
    state = {name: tensor.clone() for name, tensor in a.state_dict().items()}
    expected = draw(a, "latent"), torch.randn(4, generator=a.generator("latent")).tolist(), draw(a, "late")
    b = Streams(1)
    held = b.generator("latent")  # handed out before the state comes, as to a dropout layer
    draw(b, "late")  # not in the state: used at construction here, later there
    b.load_state_dict(state)
    got = torch.rand(5, generator=held).tolist(), torch.randn(4, generator=held).tolist(), draw(b, "late")
    assert got == expected


def test_a_state_of_another_device_is_refused() -> None:
    with pytest.raises(ReproError, match="another kind of device"):
        Streams(1).load_state_dict({"latent": torch.zeros(16, dtype=torch.uint8)})


def test_seeded_code_uses_the_stream_and_leaves_no_trace() -> None:
    before = torch.get_rng_state()
    a, b = Streams(7), Streams(7)
    with a.seeded("initialisation"):
        first = torch.nn.Linear(3, 3).weight
    with a.seeded("initialisation"):
        second = torch.nn.Linear(3, 3).weight
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(10)
    with b.seeded("initialisation"):
        assert torch.equal(torch.nn.Linear(3, 3).weight, first)
    assert not torch.equal(first, second)


def test_seeding_on_the_cpu_reaches_no_other_device(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", reached.append)
    with Streams(7).seeded("initialisation"):
        torch.rand(1)
    assert reached == []


def test_devices_that_no_one_has_used_are_not_asked_for_their_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for used, devices in ((True, [0, 1]), (False, [])):
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda used=used: used)
        assert cuda_devices() == devices


def test_the_global_state_comes_back_after_an_error_too() -> None:
    before = torch.get_rng_state()

    def failing() -> None:
        with Streams(7).seeded("initialisation"):
            torch.rand(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert torch.equal(torch.get_rng_state(), before)
