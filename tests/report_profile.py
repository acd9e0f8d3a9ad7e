"""A small finished profile on disk: what the report reads, made up by the tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from repro.core.paths import Layout
from repro.draw.draw import draw
from repro.judge.artefacts import Artefact, Artefacts, Panel, Picture
from repro.judge.cells import Cell, render_cells, select
from repro.judge.claims import Claim, Judgement, render_claims
from repro.site.material import PaperName

NAMED = {paper: PaperName(paper.upper(), f"The paper of {paper}") for paper in ("gat", "robgan")}
RUN = "gat-cifar10-0123456789-s0"
ARTEFACTS = (
    Artefact(
        paper="gat", name="table2", kind="table", title="Test accuracy <b>CIFAR</b>",
        source="Table 2, Sec. 4.4",
        panels=(Panel(rows=("Baseline", "GAT", "Maxout"), columns=("CIFAR-10", "CIFAR-100")),),
        notes="A note.",
        threat_models=("Linf, radius 8/255, 20 steps",),
        images=(("auto_attack", 64), ("robust_accuracy", 1500)),
    ),
    Artefact(
        paper="gat", name="figure3", kind="plot", title="Direct attack", source="Figure 3", x_axis="radius",
        panels=(Panel(rows=("Baseline", "GAT"), columns=("0", "0.1", "0.2")),),
    ),
    Artefact(
        paper="robgan", name="figure7", kind="samples", title="Samples", source="Figure 7",
        panels=(Panel(rows=("Modified loss", "AC-GAN loss"), columns=("samples",)),),
        pictures=(Picture(row="Modified loss", column="samples", path="evaluations/samples-1/grid.png"),),
    ),
)  # fmt: skip
CELLS = (
    Cell("gat", "table2", "Baseline", "CIFAR-10", "accuracy", reported=77.48, reported_std=0.46,
         measured=77.5, measured_std=0.3, n_seeds=3, ci_low=76.8, ci_high=78.2,
         tolerance=1.0, verdict="reproduced", runs=(RUN,)),
    Cell("gat", "table2", "GAT", "CIFAR-10", "accuracy", reported=80.33, reported_std=0.44,
         measured=61.0, measured_std=0.1, n_seeds=4, ci_low=60.8, ci_high=61.2, verdict="not comparable",
         stand_ins=("synthetic_data",), runs=(RUN, "gone-s1", "gone-s2", "gone-s3"),
         flags=("restarts_matter",)),
    Cell("gat", "table2", "Baseline", "CIFAR-100", "accuracy", reported=44.32, reported_std=0.63,
         measured=41.0, measured_std=0.2, n_seeds=3, ci_low=40.5, ci_high=41.5,
         tolerance=1.26, verdict="not reproduced"),
    Cell("gat", "table2", "GAT", "CIFAR-100", "accuracy", reported=50.44, reported_std=0.56),
    Cell("gat", "table2", "Maxout", "CIFAR-10", "accuracy", reported=88.32, verdict="cited"),
    *(Cell("gat", "figure3", row, x, "accuracy", measured=70 - 200 * float(x) + shift, n_seeds=1,
           verdict="not comparable", stand_ins=("reduced_budget",), runs=(RUN,))
      for row, shift in (("Baseline", 0.0), ("GAT", 5.0)) for x in ("0", "0.1", "0.2")),
    Cell("robgan", "figure7", "Modified loss", "samples", "images", measured=64.0, n_seeds=1,
         verdict="unreported"),
    Cell("robgan", "figure7", "AC-GAN loss", "samples", "images"),
)  # fmt: skip


def write_profile(results: Path) -> Layout:
    """Write a profile's files below ``results``/smoke, artefacts drawn, and return its layout."""
    layout = Layout(results, "smoke")
    grid = layout.root / "evaluations" / "samples-1" / "grid.png"
    grid.parent.mkdir(parents=True)
    Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)).save(grid)
    layout.cells.write_text(render_cells(CELLS))
    described = Artefacts(
        profile="smoke", stand_ins=("synthetic_data", "reduced_budget"), artefacts=ARTEFACTS
    )
    (layout.root / "artefacts.json").write_text(described.model_dump_json())
    for artefact in ARTEFACTS:
        stem = layout.artefact(artefact.paper, artefact.name)
        draw(artefact, select(CELLS, artefact.paper, artefact.name), stem, root=layout.root, profile="smoke")
    _claims_and_audit(layout)
    _run(layout)
    return layout


CLAIMS = tuple(
    Claim.model_validate(
        {
            "id": f"gat.{name}",
            "statement": f"GAT {name} the baseline",
            "source": "Sec. 4.4",
            "all": [
                {
                    "left": {"artefact": "table2", "row": "GAT", "column": column, "metric": "accuracy"},
                    "relation": "greater",
                    "right": {"row": "Baseline"},
                }
            ],
        }
    )
    for name, column in (("beats", "CIFAR-10"), ("passes", "CIFAR-10"), ("waits_for", "CIFAR-100"))
)


def _claims_and_audit(layout: Layout) -> None:
    beats, order, waiting = CLAIMS
    numbers = {
        "effect": 1.84,
        "low": 0.5,
        "high": 3.1,
        "p": 0.01,
        "p_holm": 0.02,
        "p_reverse": 0.99,
        "p_reverse_holm": 1.0,
    }
    judged = [
        Judgement(beats, "supported", "GAT greater than Dropout: p = 0.01", **numbers),
        Judgement(
            order, "not comparable", "GAT greater than Dropout", "direction holds",
            stand_ins=("reduced_budget", "reduced_width"), runs=(RUN,), **numbers,
        ),
        Judgement(waiting, "pending", "GAT [CIFAR-100] greater than Baseline [CIFAR-100]: not run"),
    ]  # fmt: skip
    (layout.root / "claims.csv").write_text(render_claims(judged))
    (layout.root / "audit.csv").write_text(
        "paper,id,statement,stated,recomputed,verdict,source\n"
        "gat,gat.gain,4 to 6 % improvement,4 to 6,2.85,inconsistent,Sec. 4.4\n"
    )


def _run(layout: Layout) -> None:
    record = {
        "run_id": RUN,
        "spec": {"recipe": "gat", "method": "gat", "dataset": "cifar10", "source": "synthetic", "seed": 0,
                 "steps": 40, "parent": None, "options": {"c_g": 1.0}},
        "seconds": 12.5,
        "warnings": {"mode_collapse": "generated images differ 0 times as much as real ones"},
        "data": {"fingerprint": "f00d", "images": 100, "complete": False},
        "provenance": {"code": {"version": "0.1.0", "commit": "abc"}, "packages": {"torch": "2.13.0"},
                       "device": {"kind": "cpu", "name": "a processor"}},
        "checkpoint_sha256": "c0ffee",
    }  # fmt: skip
    folder = layout.run(RUN)
    folder.mkdir(parents=True)
    layout.record(RUN).write_text(json.dumps(record))
    lines = [{"step": step, "loss": 2.0 / step, "name": "x"} for step in range(10, 50, 10)]
    layout.log(RUN).write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = {
        "spec": {"measure": "accuracy", "run": RUN}, "values": {"accuracy": 77.5}, "stand_ins": [],
        "seconds": 1.5, "device": "cpu", "threat_model": None, "flags": [],
    }  # fmt: skip
    (layout.root / "evaluations" / "accuracy-1.json").write_text(json.dumps(result))
