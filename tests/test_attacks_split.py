"""A batch split among torch's threads is attacked as one that stays whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from attack_cases import Normed
from repro.attacks import PGD, Execution, ThreatModel
from repro.attacks.climb import Climb
from repro.attacks.split_climb import LEAST_IMAGES, SplitClimb, parts_for
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch

THREADS, IMAGES = 3, 14  # parts of 5, 5 and 4 images
WHOLE = Execution(split_batch=False)
THREATS = {
    "linf": ThreatModel(radius=0.1, step_size=0.04, steps=4),
    "l2": ThreatModel(norm="l2", radius=0.5, step_size=0.2, steps=4, random_start=True, restarts=2),
    "cw_margin": ThreatModel(radius=0.1, step_size=0.04, steps=4, loss="cw_margin", targeted=True),
}


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Let torch use several threads, however many cores there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


def batch(n: int = IMAGES) -> tuple[Tensor, Tensor]:
    return torch.rand(n, 3, 12, 12, generator=torch.Generator().manual_seed(0)), torch.arange(n) % 4


def climb_of(attack: PGD, images: Tensor, labels: Tensor) -> object:
    attack(images, labels)
    return attack.engine.climb(attack.model.eval(), images, labels)


@pytest.mark.parametrize("name", THREATS)
def test_the_same_perturbation_is_found(name: str) -> None:
    images, labels = batch()
    network, found = Normed().eval(), []
    for execution in (Execution(), WHOLE):
        attack = PGD(
            model=network,
            threat=THREATS[name],
            generator=torch.Generator().manual_seed(1),
            execution=execution,
        )
        found.append(attack(images, labels))
        assert isinstance(climb_of(attack, images, labels), Climb if execution is WHOLE else SplitClimb)
    assert (found[0] - images).abs().amax(dim=(1, 2, 3)).min() > 0.01  # no part was forgotten
    torch.testing.assert_close(*found, rtol=0, atol=1e-4)


class Centred(Normed):
    """Looks at its batch as a whole, as no classifier should."""

    def forward(self, images: Tensor) -> Tensor:
        logits = super().forward(images)
        return logits - 3 * logits.mean(dim=0)


def test_networks_that_mix_images_and_small_batches_stay_whole() -> None:
    threat = THREATS["linf"]
    few = LEAST_IMAGES * THREADS - 1
    assert isinstance(climb_of(PGD(model=Centred().eval(), threat=threat), *batch()), Climb)
    assert isinstance(climb_of(PGD(model=Normed().eval(), threat=threat), *batch(few)), Climb)
    assert isinstance(climb_of(PGD(model=Normed().eval(), threat=threat), *batch(few + 1)), SplitClimb)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert isinstance(climb_of(PGD(model=Normed().eval(), threat=threat), *batch()), Climb)
    torch.set_num_threads(1)
    assert isinstance(climb_of(PGD(model=Normed().eval(), threat=threat), *batch()), Climb)


@pytest.mark.parametrize(
    ("threads_at_hand", "images", "parts"),
    [(1, 128, 1), (2, 128, 2), (2, 7, 1), (8, 128, 8), (12, 128, 6), (12, 17, 4), (11, 40, 1), (64, 512, 8)],
)
def test_parts_share_the_threads_evenly(threads_at_hand: int, images: int, parts: int) -> None:
    torch.set_num_threads(threads_at_hand)
    assert parts_for(images) == parts


def test_a_first_batch_of_one_image_does_not_keep_later_ones_whole() -> None:
    attack = PGD(model=Normed().eval(), threat=THREATS["linf"])
    attack(*batch(1))
    assert isinstance(climb_of(attack, *batch()), SplitClimb)


def test_the_program_s_threads_and_the_watch_s_parts_remain() -> None:
    watch = SplitWatch(torch.device("cpu"))
    PGD(model=Normed().eval(), threat=THREATS["linf"], watch=watch)(*batch())
    assert set(watch.seconds) == {"network", "kernel"}
    assert min(watch.seconds.values()) > 0
    assert torch.get_num_threads() == THREADS
    elsewhere: list[int] = []
    thread = threading.Thread(target=lambda: elsewhere.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert elsewhere == [THREADS]


def test_an_error_in_a_thread_is_the_attack_s_error() -> None:
    images, labels = batch()
    labels[-1] = 7
    with pytest.raises(ReproError, match="labels go up to 7"):
        PGD(model=Normed().eval(), threat=THREATS["linf"])(images, labels)
