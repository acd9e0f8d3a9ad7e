"""Ways of measuring as pages show them: those of an artefact, and one run under each convention."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from repro.core.cell_key import CellKey
from repro.draw.numbers import cell_label, metric_label, number
from repro.judge.cells import Cell
from repro.site.convention.strip import Strip, line, strip
from repro.site.material import Material

OF_RUNS = ("step", "training seeds")  # what differs among numbers that are measured in one way
FIDELITY = ("fid", "is", "kid", "precision", "recall")
MEASURES = (("fidelity", "mode_coverage"), ("robust_accuracy", "auto_attack"))  # of one run, side by side


@dataclass(frozen=True)
class Way:
    """One way of measuring: what it gave (``name``), and the strip that its records say."""

    id: str
    name: str
    how: Strip
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """It in one line."""
        return line(self.how)

    @property
    def short(self) -> str:
        """What a number's line links it by: images, or the measurement."""
        return self.how.get("real images") or self.how["measurement"].replace("_", " ")


def is_shown(cell: Cell, how: Strip) -> bool:
    """Tell whether a number hangs on a convention: of fidelity, or an accuracy, under attack or not."""
    return cell.metric.partition("_")[0] in FIDELITY or (
        cell.metric.startswith("accuracy") and ("attack" in how or "real images" in how)
    )


def ways_of(
    material: Material, cells: Sequence[Cell]
) -> tuple[list[Way], dict[CellKey, Way], dict[CellKey, list[Way]]]:
    """Return the ways in which an artefact's numbers were measured, and the way of each number.

    Last come the ways of numbers that measurements made in several ways gave alike, as far as other numbers
    have these ways.
    """
    found: defaultdict[str, list[tuple[Cell, Strip]]] = defaultdict(list)
    alike: dict[CellKey, list[str]] = {}
    for cell in cells:
        hows = [how for how in material.maybe_measured_how(cell) if is_shown(cell, how)]
        if len(hows) == 1:
            found[_line_of(hows[0])].append((cell, hows[0]))
        elif hows:
            alike[cell.key] = [_line_of(how) for how in hows]
    ways: dict[str, Way] = {}
    way_of: dict[CellKey, Way] = {}
    for index, (of, group) in enumerate(found.items(), 1):
        labels = dict.fromkeys(f"{cell_label(cell)}, {cell.convention} convention" for cell, _ in group)
        count = f"{len(group)} numbers" if len(group) > 1 else "1 number"
        together = {
            name: " / ".join(
                dict.fromkeys(part for _, how in group for part in how.get(name, "").split(" / ") if part)
            )
            for name in dict.fromkeys(name for _, how in group for name in how)
        }
        way = ways[of] = Way(f"way-{index}", f"{'; '.join(labels)} ({count})", together)
        way_of |= {cell.key: way for cell, _ in group}
    of_several = {key: [ways[each] for each in lines if each in ways] for key, lines in alike.items()}
    return [*ways.values()], way_of, of_several


def _line_of(how: Strip) -> str:
    """Return a way of measuring in one line, without what differs among numbers of that way."""
    return line({name: text for name, text in how.items() if name not in OF_RUNS})


def side_by_side(material: Material, paper: str) -> dict[str, object] | None:
    """Return the run of a paper that was measured in most ways, by features or else under attack, and these.

    None where no run of it was measured in two ways.
    """
    behind = {
        name: cell
        for cell in material.cells
        if cell.paper == paper and cell.key in material.behind
        for name in material.behind[cell.key].evaluations
    }
    for measures in MEASURES:
        by_run: defaultdict[str, dict[str, Strip]] = defaultdict(dict)
        for name in behind:
            spec = material.results[name]["spec"]
            if spec["measure"] in measures and spec["run"] in material.runs:
                by_run[spec["run"]][name] = strip([material.results[name]])
        run = max(sorted(by_run), key=lambda each: len(by_run[each]), default=None)
        if run is not None and len(by_run[run]) > 1:
            return _sides(material, run, by_run[run], behind)
    return None


def _sides(
    material: Material, run: str, hows: Mapping[str, Strip], behind: Mapping[str, Cell]
) -> dict[str, object]:
    values: dict[str, dict[str, str]] = {}
    for name in hows:
        result = material.results[name]
        embedded = "embedded_features" in result["stand_ins"]
        values[name] = {
            (
                metric_label(key, embedded=embedded) if key in FIDELITY else key.replace("accuracy@", "at ")
            ): number(key.partition("@")[0], value)
            for key, value in result["values"].items()
            if key in FIDELITY or key.startswith("accuracy@")
        }
    rows = {behind[name].row for name in hows}
    one = f"{rows.pop()}, " if len(rows) == 1 else ""
    ways = [
        Way(
            f"side-{index}",
            f"{'' if one else behind[name].row + ', '}{behind[name].convention} convention",
            how,
            values[name],
        )
        for index, (name, how) in enumerate(sorted(hows.items(), key=lambda each: line(each[1])), 1)
    ]
    weights = {way.how.get("weights") for way in ways}
    columns = sorted({column for way in ways for column in way.values}, key=_by_radius)
    return {"run": run, "row": one, "ways": ways, "columns": columns, "weights": len(weights) > 1}


def _by_radius(column: str) -> tuple[float, str]:
    """Return what sorts columns: names first, then radii from small to large."""
    return (float(column.removeprefix("at ")), "") if column.startswith("at ") else (-1.0, column)
