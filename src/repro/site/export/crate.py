"""An RO-Crate of a finished profile: the workflow, what it made, and how these belong together.

By the profiles Workflow RO-Crate 1.0 and Workflow Run Crate 0.5: the Snakefile is the main workflow, one
action is its execution, which made cells, claims and artefacts, and one each is a training. Checkpoints and
data sets are not packed. The library `rocrate` writes it (the extra `crate`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from repro import __version__
from repro.core.errors import ReproError
from repro.core.files import read_json
from repro.core.folders import replacing_folder
from repro.core.paths import Layout
from repro.site.attachments import drawn, files_of
from repro.site.collect import TABLES
from repro.site.export.files import COMMAND, export
from repro.site.manifest import require_written, write_manifest
from repro.site.material import Material

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
MIT = "https://spdx.org/licenses/MIT"
TYPES = {".csv": "text/csv", ".json": "application/json", ".png": "image/png", ".pdf": "application/pdf",
         ".md": "text/markdown", ".tex": "application/x-tex", ".yaml": "application/yaml",
         ".smk": "text/x-python", "": "text/plain"}  # fmt: skip


def write_crate(material: Material, layout: Layout, checkout: Path, into: Path) -> Path:
    """Write the crate of a profile, or of a publication, to ``into`` and return its metadata file.

    Without ``SOURCE_DATE_EPOCH`` it is dated now; all else is the same each time.

    Args:
        material: what was read from ``layout``.
        layout: where tables and artefacts lie.
        checkout: the folder of the Snakefile, of ``.zenodo.json`` and ``config/``.
        into: the folder to make; one that an earlier call made is replaced whole.

    Raises:
        ReproError: the library is not installed, a file is missing, or ``into`` holds other files.
    """
    try:
        from rocrate.model.contextentity import ContextEntity
        from rocrate.rocrate import ROCrate
    except ImportError as error:
        raise ReproError("RO-Crates are written by a library that is not installed",
                         remedy="pip install -c constraints.txt -e '.[crate]'") from error  # fmt: skip
    about = read_json(checkout / ".zenodo.json", remedy="restore it from git")
    crate = ROCrate(version="1.1")

    def thing(identifier: str, kind: str, /, **properties: Any) -> Any:
        told = {name: _one(value) for name, value in properties.items()}
        return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **told}))

    def file(path: Path, place: str, /, **properties: Any) -> Any:
        if not path.is_file():
            raise ReproError(f"{path.name} is missing", remedy="restore it, or draw the profile", where=path)
        return crate.add_file(path, place, properties={"encodingFormat": TYPES[path.suffix]} | properties)

    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    dated = datetime.fromtimestamp(int(seconds), UTC) if seconds else datetime.now(UTC).replace(microsecond=0)
    authors = [
        thing(f"#author-{number}", "Organization", name=each["name"])
        for number, each in enumerate(about["creators"], 1)
    ]
    license_ = thing(MIT, "CreativeWork", name="MIT License", identifier="MIT", url=MIT)
    crate.name, crate.description = f"{about['title']}: profile {layout.profile}", about["description"]
    crate.datePublished, crate.license, crate.creator = dated, license_, _one(authors)
    crate.keywords = ", ".join(about["keywords"])
    crate.root_dataset["author"] = _one(authors)
    crate.root_dataset["conformsTo"] = [
        thing(name, "CreativeWork", name=title, version=name.rpartition("/")[2])
        for name, title in PROFILES.items()
    ]
    workflow = crate.add_workflow(checkout / "Snakefile", "Snakefile", main=True, lang="snakemake",
                                  lang_version=version("snakemake"))  # fmt: skip
    workflow["name"], workflow["version"] = about["title"], about["version"]
    workflow["conformsTo"] = {"@id": BIOSCHEMAS}
    workflow["encodingFormat"] = TYPES[".smk"]
    workflow["license"], workflow["creator"] = license_, _one(authors)
    file(checkout / "README.md", "README.md", about={"@id": "./"})
    file(checkout / "LICENSE", "LICENSE")
    rules = [file(path, path.relative_to(checkout).as_posix())
             for path in sorted((checkout / "workflow").rglob("*.smk"))]  # fmt: skip
    workflow["hasPart"] = rules
    settings = [file(path, path.relative_to(checkout).as_posix())
                for path in sorted((checkout / "config").rglob("*"))
                if path.suffix in (".yaml", ".csv")]  # fmt: skip
    software = thing("#repro", "SoftwareApplication", name="repro", version=__version__)
    with replacing_folder(into, partial(require_written, command=COMMAND)) as fresh:
        exported = export(material, fresh / "export")
        tables = [file(layout.root / name, f"results/{name}")
                  for name in TABLES if (layout.root / name).is_file()]  # fmt: skip
        figures = [
            file(path, f"results/artefacts/{artefact.id}{path.suffix}", name=artefact.title)
            for artefact in material.artefacts.artefacts
            for path in files_of(drawn(layout, artefact.id))
        ]
        cells = [
            file(path, path.relative_to(fresh).as_posix())
            for path in sorted(exported.rglob("cells/**/*.json"))
        ]
        runs = {
            run_id: file(
                exported / "runs" / f"{run_id}.json", f"export/runs/{run_id}.json", name=f"run {run_id}"
            )
            for run_id in material.runs
        }
        trainings = [
            thing(f"#train-{run_id}", "CreateAction", name=f"training {run_id}", instrument=software,
                  agent=authors, result=[runs[run_id]], description=_seconds(page.record))
            for run_id, page in material.runs.items()
        ]  # fmt: skip
        older = _older(material)
        action = thing(
            "#execution", "CreateAction", name=f"snakemake figures/ with profile {layout.profile}",
            description="one walk of the DAG, or several that went on where the former ended" + older,
            instrument=workflow, agent=authors, result=[*tables, *figures, *runs.values(), *cells],
            **({} if older else {"object": settings}),
        )  # fmt: skip
        crate.description += older
        crate.root_dataset["mentions"] = [action, *trainings]
        crate.write(fresh)
        (fresh / "export" / "manifest.json").unlink()
        write_manifest(fresh, COMMAND, layout.profile)
    return into / "ro-crate-metadata.json"


def _older(material: Material) -> str:
    """Say of which artefacts the packed profile plans other runs, as older ones made them; "" of none."""
    found = [artefact for artefact in material.artefacts.artefacts if not material.is_planned(artefact)]
    if not found:
        return ""
    commits = sorted({commit[:8] for each in found if (commit := material.commit_of(each))})
    made = f" (most runs by code {', '.join(commits)})" if commits else ""
    return (
        f"; by an older workflow and profile{made} than those packed: {', '.join(each.id for each in found)}"
    )


def _one(value: Any) -> Any:
    """Return the only item of a list as itself, as JSON-LD wants it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _seconds(record: Mapping[str, Any]) -> str:
    """Return how long a training took; its date is not recorded."""
    seconds = record.get("seconds")
    return "of unknown duration" if seconds is None else f"{seconds:g} seconds of wall-clock time"
