"""Records name the code that ran: what is imported after an edit is refused, what was before is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from torch import Tensor

import tiny_gan
from repro.core import provenance
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.train.settings import LoopSettings

SOURCE = Path(__file__).parents[2] / "src" / "repro"
SCRIPT = """
import sys
from pathlib import Path
import torch
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.train.batch import train_batch

layout, method = Layout(Path("results"), "test"), Path("src/repro/methods/random_perturbation.py")

def train(method, seed):
    spec = RunSpec(recipe="r", method=method, dataset="cifar10", source="synthetic", train_limit=40,
                   seed=seed, steps=2, batch_size=4, width=0.0625)
    train_batch([spec], layout, layout.root / "batch.json", device=torch.device("cpu"), data_root=None,
                progress=False)

try:
    train("classifier", 0)
    if "edited" not in method.read_text():
        method.write_text(method.read_text() + "# edited\\n")
    train("classifier", 1)
    train("random_perturbation", 0)
except ReproError as error:
    sys.exit(str(error))
"""


def test_a_method_that_was_edited_before_it_was_imported_is_refused(tmp_path: Path) -> None:
    shutil.copytree(SOURCE, tmp_path / "src" / "repro", ignore=shutil.ignore_patterns("__pycache__"))

    def run() -> tuple[int, str, dict[str, str]]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        records = sorted((tmp_path / "results" / "test" / "runs").glob("*/run.json"))
        sessions = {path.parent.name: json.loads(path.read_text())["sessions"] for path in records}
        return (
            done.returncode,
            done.stderr,
            {name: of[-1]["training_code"]["source"] for name, of in sessions.items()},
        )

    code, said, first = run()
    assert code == 1
    assert "the code changed while this process ran" in said
    assert str(Path("methods", "random_perturbation.py")) in said
    assert "run the same command again" in said
    assert len(first) == 2  # the second classifier ran what its record names: it was imported before
    assert len(set(first.values())) == 1
    code, said, second = run()
    assert (code, len(second)) == (0, 3), said
    assert first.items() < second.items()
    assert len(set(second.values())) == 2  # the edited method's is another


@pytest.mark.parametrize("remedy", ["put back", "delete"])
def test_a_run_that_imported_an_edited_file_on_its_way_gets_no_record(
    tmp_path: Path, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(tiny_gan.TinyGan):
        """A method that imports a file in its last step, which has changed by then."""

        def step(self, step: int) -> dict[str, Tensor]:
            if step == 5:
                monkeypatch.setitem(sys.modules, "repro.methods.late", ModuleType("late"))
                monkeypatch.setitem(provenance._AT_START, "methods/late.py", "what it was")
            return super().step(step)

    layout, spec = Layout(tmp_path, "test"), tiny_gan.tiny_spec(steps=6)
    with pytest.raises(ReproError, match="the code changed") as caught:
        tiny_gan.train(spec, layout, LoopSettings(), kind=Late)
    assert "put this file back first, or delete the run's folder" in caught.value.remedy
    assert str(caught.value.where).endswith("late.py")
    assert not layout.record(spec.run_id).exists()
    monkeypatch.undo()
    if remedy == "delete":
        shutil.rmtree(layout.run(spec.run_id))
    tiny_gan.train(spec, layout, LoopSettings())
    assert json.loads(layout.record(spec.run_id).read_text())["steps"] == 6


def test_a_commit_is_not_named_where_the_files_are_no_longer_those_that_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provenance.code_version.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(provenance._AT_START, "core/spec.py", "imported before it was edited")
        with pytest.raises(ReproError, match="the code changed"):
            provenance.code_version()
    assert provenance.code_version()["version"]
