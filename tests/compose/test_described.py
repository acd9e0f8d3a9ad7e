"""What an artefact's entry says beside its cells: pictures, and how many images were attacked."""

from __future__ import annotations

from pathlib import Path

import pytest

from papers_case import PROFILE, SHEET, plan
from repro.compose.compose import describe
from repro.core.paths import Layout
from repro.jobs.measured import Measured
from repro.judge.artefacts import Artefact
from repro.plan.batches import make_batches
from small_result import facts, leave_results, small_result

EVALUATIONS = """\
  shown: {measure: samples, options: {rows: 1, columns: 2}}
  flips: {measure: flip_iterations, options: {images: 64}}
artefacts:
  figure9:
    kind: samples
    title: "Samples"
    source: "Figure 9"
    rows: [{name: "GAN", recipe: gan}]
    columns:
      - {name: "here", metric: iterations, evaluation: flips, value: real}
      - {name: "here", metric: images, evaluation: shown, value: images}
"""


@pytest.fixture
def described(tmp_path: Path) -> Artefact:
    sheet = SHEET.replace("artefacts:\n", EVALUATIONS, 1)
    opened = plan(tmp_path / "config", sheet=sheet, profile=PROFILE.replace("max_seeds: 2", "max_seeds: 1"))
    batches, layout = make_batches(opened), Layout(tmp_path / "results", "tiny")
    of_picture = {"pictures": ("grid.png",), "pictures_sha256": ("0",)}
    leave_results(
        layout,
        batches,
        (
            small_result(
                spec,
                values={"real": 3.0, "images": 2.0, "accuracy": 1.0, "is": 1.0},
                data=facts(128, "test"),
                **(of_picture if spec.measure == "samples" else {"threat_model": "PGD"}),
            )
            for spec in opened.evaluations.values()
        ),
    )
    return describe(opened, Measured(layout, batches), "gat/figure9")


def test_a_place_shows_the_picture_of_whichever_cell_has_one(described: Artefact) -> None:
    (picture,) = described.pictures
    assert (picture.row, picture.column) == ("GAN", "here")
    assert picture.path is not None
    assert picture.path.endswith("grid.png")


def test_an_attack_is_on_as_many_images_as_it_takes_of_the_split(described: Artefact) -> None:
    assert described.threat_models == ("PGD, on 64 test images",)
