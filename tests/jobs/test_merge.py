"""An evaluation that comes from another machine: its pictures alone lie beside it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from repro.core.files import sha256_file
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.evaluate.result import is_current, pictures_folder, read_result, write_result
from repro.jobs.merge import merge
from small_result import small_result


def test_pictures_that_a_killed_measurement_left_make_way(tmp_path: Path) -> None:
    here, there = (Layout(tmp_path / name, "tiny") for name in ("here", "there"))
    spec = EvaluationSpec(measure="samples", run="real", dataset="cifar10", source="real")
    for layout, name in ((here, "half.png"), (there, "grid.png")):
        folder = pictures_folder(layout, spec)
        folder.mkdir(parents=True)
        (folder / name).write_text(name)
    result = small_result(
        spec,
        pictures=("grid.png",),
        pictures_sha256=(sha256_file(pictures_folder(there, spec) / "grid.png"),),
    )
    write_result(there.evaluation(spec.evaluation_id), result)
    plan = SimpleNamespace(runs={}, evaluations={spec.evaluation_id: spec})
    assert merge(plan, here, [there.results]).evaluations == 1  # type: ignore[arg-type]
    copied = read_result(here.evaluation(spec.evaluation_id))
    assert copied is not None
    assert is_current(copied, spec, here, checkpoint_sha256=None, extractor_sha256=None)
