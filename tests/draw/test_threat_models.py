"""Whoever attacks says how: in the result of each attacking measurement, in each format of its table."""

from __future__ import annotations

import ast
from pathlib import Path

from matplotlib.figure import Figure

from repro import evaluate
from repro.draw.draw import draw
from repro.judge.artefacts import Artefact, Panel
from repro.judge.cells import Cell

PARTS = {
    "checks",
    "network",
    "objective",
    "threat_model",
    "attack_mode",
    "two_classes",
}  # of attacks, harmless by themselves
MEASUREMENTS = sorted(Path(next(iter(evaluate.__path__))).glob("*.py"))
FIRST = "L-infinity radius 0.08 in [-1, 1], 20 steps of 0.016, start at the image"
SECOND = "AutoAttack (torchattacks), linf, radii 0.08 in [-1, 1], 100 steps, 5000 queries"
ATTACKED = Artefact(
    paper="robgan",
    name="table1",
    kind="table",
    title="Attacked",
    panels=(Panel(rows=("A",), columns=("delta=0.08",)),),
    threat_models=(FIRST, SECOND),
    images=(("auto_attack", 64), ("robust_accuracy", 500)),
)
CELLS = [
    Cell("robgan", "table1", "A", "delta=0.08", "accuracy", measured=1.0, n_seeds=1, verdict="unreported")
]


def attacks_of(source: str) -> set[str]:
    """The modules of ``repro.attacks`` that a measurement takes more than parts from."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "repro.attacks":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("repro.attacks."):
            found.add((node.module or "").rpartition(".")[2])
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("repro.attacks")}
    return found - PARTS


def test_every_attacking_measurement_states_its_threat_model() -> None:
    sought = (
        "repro.evaluate.worst_case"  # a part of measurements, which say what they ask of it, as planted is
    )
    attacking = [
        path
        for path in MEASUREMENTS
        if path.stem not in ("worst_case", "planted")
        and (attacks_of(text := path.read_text("utf-8")) or sought in text)
    ]
    assert {"robust_accuracy", "auto_attack"} <= {path.stem for path in attacking}
    for path in attacking:
        assert "context.threat_model = " in path.read_text(encoding="utf-8"), path.name


def test_every_format_of_a_table_prints_threat_models_and_sample_sizes(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    paths = draw(ATTACKED, CELLS, tmp_path / "table1", root=tmp_path, profile="smoke")
    texts = {path.suffix: path.read_text() for path in paths if path.suffix in (".md", ".tex")}
    assert texts.keys() == {".md", ".tex"}
    written = " ".join(text.get_text() for text in drawn[0].axes[0].texts)
    for text in (*texts.values(), written):
        for model in (FIRST, SECOND):
            assert model in text.replace("threat model:", "Threat model:")
        assert "images: auto_attack 64, robust_accuracy 500" in text.replace(r"\_", "_")
