"""Updates as CUDA graphs: the same training as launched one by one; which methods may have them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from method_cases import gan_of
from paper_runs import option_sets
from pretended_graphs import pretended_graphs
from repro.core.device import apply_precision, set_deterministic
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.core.timing import SplitWatch
from repro.data.load import load_images
from repro.methods.gan_base import GanMethod
from repro.methods.registry import load_method
from repro.methods.update_graph import WARM_UP, UpdateGraphs
from repro.models.dropout import StreamDropout
from small_run import small_run

STEPS = 4
no_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
POINTS = "regulariser.points"
CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("gan", {}, False),
    ("gan", {"network": "robust_dcgan", "loss": "lsgan"}, False),
    ("gan", {"regulariser": "gradient_penalty"}, True),
    ("gan", {"regulariser": "lipschitz_penalty", POINTS: "real"}, False),
    ("gan", {"regulariser": "zero_gp"}, False),
    ("gan", {"weight_clip": 0.01, "decay": "none"}, False),
    ("gan", {"eval_mode_after": 2}, False),
    ("dat", {}, False),
    ("dat", {"perturbation_steps": 2, "clean_weight": 1.0}, False),
    ("dat", {"position": "all"}, True),
    ("dat", {"position": "generator"}, True),
    ("asgan", {"loss": "non_saturating"}, False),
    ("ssgan", {}, False),
    ("ssgan_dat", {}, False),
    ("infomax_gan", {}, False),
    ("infomax_gan_dat", {}, False),
    ("rgan", {"network": "dcgan", "mode": "random_noise"}, True),
    ("rgan", {"network": "dcgan", "mode": "both"}, False),
    ("gan", {"network": "sngan_projection", "regulariser": "zero_gp"}, False),
    ("gan", {"network": "acgan_dcgan"}, False),
    ("rgan", {"network": "conditional_dcgan"}, False),
]


def made(name: str, options: dict[str, Any], device: str, *, graphs: bool) -> GanMethod:
    place = torch.device(device)
    spec = small_run(
        name, seed=2, steps=STEPS, width=0.1, options={"n_dis": 2, **options, "cuda_graph": graphs}
    )
    images = load_images("cifar10", "train", source="synthetic", limit=40, root=None).to(place)
    method = load_method(name)(spec, images, Streams(2, place), place)
    assert isinstance(method, GanMethod)
    return method


def trace(method: GanMethod, first: int = 0, last: int = STEPS) -> list[dict[str, float]]:
    return [{name: float(value) for name, value in method.step(step).items()} for step in range(first, last)]


@pytest.mark.cuda
@no_cuda
@pytest.mark.parametrize(("name", "options", "draws"), CASES)
def test_graphs_train_as_single_launches_do(name: str, options: dict[str, Any], draws: bool) -> None:
    set_deterministic()
    apply_precision("float32", torch.device("cuda"))
    assert 2 * STEPS > WARM_UP + 1
    graphed, plain = (made(name, options, "cuda", graphs=graphs) for graphs in (True, False))
    assert graphed.graphs.enabled != draws
    for step, (ours, theirs) in enumerate(zip(trace(graphed), trace(plain), strict=True)):
        for key, value in theirs.items():
            assert ours[key] == pytest.approx(value, rel=2e-3, abs=1e-4), (step, key)


@pytest.mark.cuda
@no_cuda
def test_a_graphed_run_goes_on_from_its_state() -> None:
    set_deterministic()
    whole = made("dat", {}, "cuda", graphs=True)
    trace(whole, last=2)
    state, streams = whole.state_dict(), whole.streams.state_dict()
    copied = torch.utils._pytree.tree_map_only(torch.Tensor, lambda tensor: tensor.clone().cpu(), state)
    rest = trace(whole, first=2)
    resumed = made("dat", {}, "cuda", graphs=True)
    resumed.load_state_dict(copied)
    resumed.streams.load_state_dict(streams)
    for ours, theirs in zip(trace(resumed, first=2), rest, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(("name", "options", "draws"), CASES)
def test_updates_that_draw_are_never_graphs(name: str, options: dict[str, Any], draws: bool) -> None:
    assert made(name, options, "cpu", graphs=True).draws_within_updates() == draws


def test_a_network_with_dropout_draws_within_updates() -> None:
    method = made("gan", {}, "cpu", graphs=True)
    method.D.add_module("dropout", StreamDropout(0.0, None))
    assert not method.draws_within_updates()
    method.D.add_module("dropout", StreamDropout(0.5, method.streams.generator("dropout")))
    assert method.draws_within_updates()


# Graphs pretended on the CPU: what one captures and replays trains as single launches do


def pretend_graphs_of(method: GanMethod) -> GanMethod:
    """Give a method on the CPU what it would have on CUDA: graphs, and an optimiser that they can hold."""
    method.make_optimisers(graphs=True)
    return method


def gans() -> dict[str, RunSpec]:
    """Return a run of each GAN and network of the papers, but for those that are never captured."""
    found: dict[str, RunSpec] = {}
    for run in option_sets().values():
        name = f"{run.method} {run.options.get('network')} {run.options.get('mode', '')}"
        if name not in found and issubclass(load_method(run.method), GanMethod):
            found[name] = run
    return found


@pytest.mark.slow
def test_every_gan_of_the_papers_trains_from_graphs_as_without() -> None:
    steps, captured = WARM_UP + 3, 0
    for name, run in gans().items():
        if gan_of(run).draws_within_updates():
            continue
        with pretended_graphs() as machine:
            graphed, plain = pretend_graphs_of(gan_of(run)), pretend_graphs_of(gan_of(run))
            plain.graphs.enabled = False
            found, expected = trace(graphed, last=steps), trace(plain, last=steps)
            assert machine.current is machine.main
        assert graphed.graphs.enabled, name
        assert graphed.graphs._captured, name
        captured += 1
        assert found == expected, name
        for part, network in graphed.modules.items():
            for key, value in plain.modules[part].state_dict().items():
                assert torch.equal(network.state_dict()[key], value), f"{name}: {part}.{key}"
    assert captured >= 8


def graphs_over(*state: torch.Tensor) -> UpdateGraphs:
    return UpdateGraphs(True, SplitWatch(torch.device("cpu")), lambda: state)


def test_an_update_that_reads_a_value_goes_on_without_graphs_and_leaves_the_stream() -> None:
    with pretended_graphs() as machine:
        graphs = graphs_over()
        for _ in range(WARM_UP):
            graphs.run("one", lambda tensor: {"loss": tensor * tensor.item()}, torch.ones(()))
        with pytest.warns(UserWarning, match="without CUDA graphs: one: .*capture"):
            found = graphs.run("one", lambda tensor: {"loss": tensor * tensor.item()}, torch.full((), 3.0))
        assert machine.current is machine.main
        assert found["loss"] == 9
        assert not graphs.enabled


@pytest.mark.parametrize("hidden", [False, True])
def test_a_graph_that_does_something_else_is_not_used(hidden: bool) -> None:
    """A number of Python's stays in a graph as it was; whether a weight or only a result shows it."""
    weight, count = torch.zeros(2), iter(range(1, 99))

    def update(tensor: torch.Tensor) -> dict[str, torch.Tensor]:
        number = next(count)
        weight.add_(tensor if hidden else tensor * number)
        return {"loss": tensor.sum() * number}

    with pretended_graphs():
        graphs = graphs_over(weight)
        for _ in range(WARM_UP):
            graphs.run("one", update, torch.ones(2))
        with pytest.warns(UserWarning, match="its replay is not the update, bit by bit"):
            found = graphs.run("one", update, torch.ones(2))
        # the capture took a number; the update that counts is the one that was launched
        assert found["loss"] == 2 * (WARM_UP + 2)
        assert weight.tolist() == [WARM_UP + 1] * 2 if hidden else [1 + 2 + 3 + 5] * 2
        assert graphs.run("one", update, torch.ones(2))["loss"] == 2 * (WARM_UP + 3)


def test_graphs_go_on_from_a_state_as_they_would_have() -> None:
    run = small_run("gan", seed=2, steps=40, width=0.1, options={"network": "dcgan"})
    with pretended_graphs():
        whole, resumed = pretend_graphs_of(gan_of(run)), pretend_graphs_of(gan_of(run))
        trace(whole, last=WARM_UP + 2)
        state = torch.utils._pytree.tree_map_only(torch.Tensor, torch.clone, whole.state_dict())
        resumed.load_state_dict(state)
        resumed.streams.load_state_dict(whole.streams.state_dict())
        assert trace(resumed, 5, 11) == trace(whole, 5, 11)
        assert resumed.graphs._captured
    assert float(resumed.optimisers["generator"].param_groups[0]["lr"]) == pytest.approx(2e-4 * 29 / 40)


@pytest.mark.parametrize(("name", "options", "draws"), [case for case in CASES if not case[2]])
def test_no_update_draws_that_says_so(name: str, options: dict[str, Any], draws: bool) -> None:
    """Its streams stand still while it is done on given images and latents."""
    method = made(name, options, "cpu", graphs=False)
    (real, classes), z = method.real_batch(), method.latents(8)
    labels = [classes, *method.random_classes(8)] if method.conditional else []
    before = method.streams.state_dict()
    method.update_discriminator(real, z, *labels)
    method.update_generator(z, *labels[1:])
    after = method.streams.state_dict()
    assert after.keys() == before.keys()  # a stream is made when it is first drawn from
    assert all(torch.equal(after[stream], state) for stream, state in before.items())


def test_on_the_cpu_the_option_changes_nothing() -> None:
    with_option, without = (made("dat", {}, "cpu", graphs=graphs) for graphs in (True, False))
    assert not with_option.graphs.enabled
    assert trace(with_option, last=2) == trace(without, last=2)


def test_without_graphs_an_update_is_called_as_it_is() -> None:
    seen: list[torch.Tensor] = []
    graphs = graphs_over()
    graphs.enabled = False
    for _ in range(WARM_UP + 2):
        graphs.run("one", lambda tensor: seen.append(tensor) or {"loss": tensor}, torch.ones(()))
    assert len(seen) == WARM_UP + 2
