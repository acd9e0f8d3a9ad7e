"""What was run for each artefact, what that shows, and what it cannot show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.draw.numbers import FLAG, FLAG_MEANINGS, STAND_IN_MEANINGS
from repro.judge.artefacts import Artefact
from repro.judge.cells import Cell, select
from repro.judge.verdict import MIN_SEEDS
from repro.site.material import Material, RunPage
from repro.site.published.verdicts import told, word_of


@dataclass(frozen=True)
class Paragraph:
    """What was run for an artefact, what that shows, and what it cannot show."""

    artefact: Artefact
    title: str
    run: str
    shows: str
    cannot: str


def paragraphs(material: Material) -> list[Paragraph]:
    """Return a paragraph for each artefact of which anything was measured."""
    found = []
    for artefact in material.artefacts.artefacts:
        own = select(material.cells, artefact.paper, artefact.name)
        measured = [cell for cell in own if cell.measured is not None or cell.diverged]
        if measured:
            name = f"{material.named[artefact.paper].name}, {artefact.short_source}: {artefact.title}."
            shows = _shows(artefact, own, material)
            found.append(Paragraph(artefact, name, _run(measured, material), shows, _cannot(artefact, own)))
    return found


def _run(measured: Sequence[Cell], material: Material) -> str:
    """Say which runs the measured cells rest on."""
    ids = dict.fromkeys(run_id for cell in measured for run_id in cell.runs)
    pages = [material.runs[run_id] for run_id in ids if run_id in material.runs]
    if not pages:
        return "nothing; this is how the networks are built."
    runs = [page.record for page in pages]
    specs = [run["spec"] for run in runs]
    data = sorted({f"{spec['dataset']} ({spec['source']})" for spec in specs})
    methods = sorted({spec["method"] for spec in specs})
    width = _span(spec["width"] for spec in specs)
    seeds = _span(cell.n_seeds for cell in measured)
    return (
        f"{len(runs)} trainings ({', '.join(methods)}) on {', '.join(data)}; {steps_of(pages)}, "
        f"width {width}; seeds a number: {seeds}; {_hours(pages):.1f} hours by the clock on {made_by(runs)}."
    ) + _before(pages, material)


def _before(pages: Sequence[RunPage], material: Material) -> str:
    """Say what trainings these ones go on from, where that are others; "" for none."""
    own = {page.run_id for page in pages}
    wanted = [parent for page in pages if (parent := page.record["spec"].get("parent")) and parent not in own]
    who = "All" if len(wanted) == len(pages) else f"{len(wanted)} of them"
    before: dict[str, RunPage | None] = {}
    while wanted:
        name = wanted.pop()
        if name not in own and name not in before:
            page = before[name] = material.runs.get(name)
            wanted += filter(None, [page and page.record["spec"].get("parent")])
    if not before:
        return ""
    known = [page for page in before.values() if page]
    how = f" ({steps_of(known)}, {_hours(known):.1f} hours)" if known else ""
    return f" {who} go on from {len(before)} other training{'s' * (len(before) > 1)}{how}."


def _hours(pages: Iterable[RunPage]) -> float:
    return sum(page.record.get("seconds") or 0 for page in pages) / 3600


def made_by(runs: Sequence[Mapping[str, Any]]) -> str:
    """Say on which devices and by which code trainings were made, with their numbers where that differs."""
    ways = Counter((run["sessions"][-1]["device"], _code(run)) for run in runs)
    said = [
        f"{device} by {code}" + (f" ({count})" if len(ways) > 1 else "")
        for (device, code), count in sorted(ways.items())
    ]
    return ", ".join(said)


def _code(run: Mapping[str, Any]) -> str:
    code = run["provenance"]["code"]
    if not code["commit"]:  # of a copy without git
        return f"version {code['version']}"
    if not code["changed"]:
        return f"code {code['commit'][:7]}"
    source = run["sessions"][-1].get("training_code", {}).get("source")  # by which the code can be found
    found = f" (training code {source[:8]})" if source else ""
    return f"code {code['commit'][:7]} with changes not committed{found}"


def steps_of(pages: Sequence[RunPage]) -> str:
    """Say how long trainings were: at most their length where they stopped early or may have."""
    steps, ended = [page.record["spec"]["steps"] for page in pages], [_ended(page) for page in pages]
    said = f"{_span(steps)} steps of {_span(page.record['spec']['batch_size'] for page in pages)}"
    if ended == steps:
        return said
    known = [step for step in ended if step is not None]
    by = f" (they ended by step {_span(known)})" if len(known) == len(ended) else ""
    return f"at most {said}{by}"


def _ended(page: RunPage) -> int | None:
    """Return by which step a training had ended; where an older record is silent, the log ends just after."""
    if page.record.get("diverged"):
        return int(page.record["diverged"]["step"])
    step = page.record.get("steps_taken") or (page.log[-1]["step"] if page.log else None)
    return None if step is None else int(step)


def _span(values: Iterable[float]) -> str:
    low, *_, high = [*(ordered := sorted(values)), ordered[-1]]
    return f"{low:,g}" if low == high else f"{low:,g} to {high:,g}"


def _shows(artefact: Artefact, own: Sequence[Cell], material: Material) -> str:
    """Say what the claims over an artefact come to; the table of claims has their numbers."""
    said = []
    if artefact.kind == "settings":
        settings = [cell for cell in own if cell.reported is not None]
        same = sum(cell.verdict == "reproduced" for cell in settings)
        said.append(f"{same} of {len(settings)} printed settings are those used here.")
    pages = material.claims_about({artefact.id})
    words = Counter(word_of(page.row) for page in pages if told(page))
    said += [f"{word} ({_claims(count)})." for word, count in words.items()]
    if silent := sum(not told(page) for page in pages):
        said.append(f"Of {_claims(silent)} nothing can be told yet.")
    return " ".join(said) or "numbers and pictures; no claim rests on it."


def _claims(count: int) -> str:
    return f"{count} {'claim' if count == 1 else 'claims'}"


def _cannot(artefact: Artefact, own: Sequence[Cell]) -> str:
    """Say what stood in and what was not run."""
    marks = {name for cell in own for name in cell.stand_ins}
    said = [text for name, text in STAND_IN_MEANINGS.items() if name in marks]
    text = f"whether a number comes out: {'; '.join(said)}." if said else ""
    if not said and all(cell.reported is None for cell in own):
        text = "whether a number comes out: the paper prints none."
    if artefact.kind == "settings":
        return text or "more than that: nothing is measured."
    measured = [cell for cell in own if cell.measured is not None]
    judged = all(cell.n_seeds >= MIN_SEEDS for cell in measured)
    few = "" if judged else f" Some numbers have fewer than {MIN_SEEDS} seeds, which judge nothing."
    mixed = sum("mixed_code" in cell.flags for cell in measured)
    few += f" {FLAG} {mixed} of {len(measured)} numbers: {FLAG_MEANINGS['mixed_code']}." if mixed else ""
    pending = sum(cell.verdict == "pending" for cell in own)
    reasons = "; ".join(artefact.pending[:1]) + (", and the like" if len(artefact.pending) > 1 else "")
    waiting = f" {pending} of {len(own)} cells are pending ({reasons})." if pending else ""
    return (text + few + waiting).strip() or "nothing is missing."
