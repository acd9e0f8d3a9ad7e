"""An evaluation that comes from another machine: its pictures alone lie beside it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from repro.core.files import sha256_file
from repro.core.manifest import read_manifest, write_manifest
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


def test_a_batch_that_lists_what_was_deleted_is_made_anew_after_a_merge(tmp_path: Path) -> None:
    here, there = (Layout(tmp_path / name, "tiny") for name in ("here", "there"))
    one, two = (
        EvaluationSpec(measure="samples", run="real", dataset=name, source="real")
        for name in ("cifar10", "stl10")
    )
    for layout, device in ((here, "one"), (there, "two")):
        for spec in (one, two):
            write_result(layout.evaluation(spec.evaluation_id), small_result(spec, device=device))
    lists = [here.batch("evaluate", name) for name in ("a", "b")]
    for path, spec in zip(lists, (one, two), strict=True):
        write_manifest(path, here, "evaluate", [spec.evaluation_id])
    here.evaluation(one.evaluation_id).unlink()  # as merge advises where two results contradict each other
    plan = SimpleNamespace(runs={}, evaluations={spec.evaluation_id: spec for spec in (one, two)})
    assert merge(plan, here, [there.results]).evaluations == 1  # type: ignore[arg-type]
    assert not lists[0].exists()
    assert [*read_manifest(lists[1])] == [two.evaluation_id]
