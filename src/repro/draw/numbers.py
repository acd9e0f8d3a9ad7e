"""How numbers and verdicts are worded: decimals per metric, signs, marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from repro.judge.cells import Cell, PrintedNumber, Value, flags_of, is_setting

_DECIMALS: Mapping[str, int] = {
    "accuracy": 2,
    "is": 2,
    "is_std": 4,
    "fid": 2,
    "kid": 4,
    "fd": 2,
    "kd": 4,
    "kl": 3,
    "modes": 1,
    "nearest": 1,
    "frechet": 2,
    "diversity": 1,
    "precision": 1,
    "recall": 1,
}
_LABELS: Mapping[str, str] = {
    "accuracy": "accuracy (%)",
    "accuracy_gain": "gain (points)",
    "accuracy_gap": "gap of accuracy (points)",
    "local_lipschitz": "local Lipschitz value",
    "power": "perturbation's length",
    "is": "IS",
    "fid": "FID",
    "kid": "KID",
    "fd": "FD",
    "kd": "KD",
    "fid_train": "train FID",
    "fid_test": "test FID",
    "kid_train": "train KID",
    "kid_test": "test KID",
    "adversarial_share": "samples with a twin (%)",
    "iterations": "PGD iterations",
    "flip_share": "images (%)",
    "gradient_change": "change of D's gradient (%)",
    "modes": "modes hit",
    "high_quality": "high quality (%)",
    "kl_modes": "KL of modes",
    "kl": "KL of density",
    "is_std": "std of IS",
    "nearest_neighbour": "own nearest neighbour (%)",
    "frechet": "Fréchet distance",
    "diversity": "spread within a class (% of real)",
    "precision": "precision (%)",
    "recall": "recall (%)",
}
MARKS: Mapping[str, str] = {
    "reproduced": "✓",
    "not reproduced": "✗",
    "inconclusive": "?",
    "not comparable": "‡",
    "cited": "†",
    "unreported": "+",
    "pending": "",
    "diverged": "∞",
}
MEANINGS: Mapping[str, str] = {
    "reproduced": "reproduced: the 95 % interval of the seed mean lies inside the tolerance",
    "not reproduced": "not reproduced: the interval lies wholly outside the tolerance",
    "inconclusive": "inconclusive: the interval straddles the tolerance, too few seeds, or all the same",
    "not comparable": "not comparable: a stand-in was involved",
    "cited": "cited: the paper took the number from elsewhere",
    "unreported": "measured here, not printed in the paper",
    "pending": "pending: not run",
    "diverged": "diverged: no finite loss or weights (∞ 1/3: one run of three, not in the mean)",
}
# Settings have neither seeds nor a tolerance.
SETTING_MEANINGS: Mapping[str, str] = {
    **MEANINGS,
    "reproduced": "reproduced: as the paper states",
    "not reproduced": "not reproduced: other than the paper states",
    "not comparable": "not comparable: the profile changed this setting",
    "unreported": "used here, not stated in the paper",
}
STAND_IN_MEANINGS: Mapping[str, str] = {
    "synthetic_data": "synthetic images instead of the data set",
    "sample_data": "a part of the images",
    "embedded_features": "features of a small classifier instead of Inception's",
    "reduced_budget": "a shorter training or a cheaper measurement",
    "changed_batch_size": "another batch size",
    "reduced_width": "narrower networks",
}
FLAG = "⚑"
FLAG_MEANINGS: Mapping[str, str] = {
    "square_beats_gradients": "hidden gradients, as an attack that uses none is stronger than those that do",
    "restarts_matter": "hidden gradients, as a second start of the same attack finds more",
    "vanishing_gradients": "hidden gradients, as the loss has none at some images",
    "planted_missed": "weak attack, as it missed adversarial images that were planted for it",
    "seeds_alike": "all seeds gave the same number, look whether they are used",
    "mixed_code": "trained by several versions of the code, so that seeds may not be all that differs",
    "overfitting": "catastrophic overfitting, as under attack training images got better and others worse",
    "mode_collapse": "mode collapse, as the generator lost the variety that it had",
    "never_passed": "a run never passed the level, so that this is the least that it takes",
}
_EMBEDDED_FAMILIES = ("is", "fid", "kid", "frechet", "diversity", "precision", "recall")


def metric_label(metric: str, *, embedded: bool = False) -> str:
    """Return the metric's name for a header; ``embedded`` features turn IS, FID, KID into IS*, FID*, KID*."""
    label = _LABELS.get(metric, metric)
    return label + "*" if embedded and metric.split("_")[0] in _EMBEDDED_FAMILIES else label


def cell_label(cell: Cell) -> str:
    """Return the name of a cell's metric, of embedded features where it is."""
    return metric_label(cell.metric, embedded="embedded_features" in cell.stand_ins)


def number(metric: str, value: Value) -> str:
    """Return ``value`` as people print that metric, a paper's as it does; "–" where it is missing."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, PrintedNumber) and not is_setting(metric):
        return value.text
    decimals = _DECIMALS.get(metric, _DECIMALS.get(metric.split("_")[0]))
    if decimals is None:
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
    return f"{value:.{decimals}f}"


def with_std(metric: str, value: Value, std: float | None) -> str:
    """Return e.g. "77.48 ± 0.46"; the deviation is left out where there is none."""
    text = number(metric, value)
    return text if std is None or value is None else f"{text} ± {number(metric, std)}"


def sentence(cell: Cell | None) -> str:
    """Return a cell's one line, "reported / measured ± std mark"; "" where the table has no cell."""
    if cell is None:
        return ""
    reported = with_std(cell.metric, cell.reported, cell.reported_std)
    if cell.verdict == "cited":
        return f"{reported} {MARKS['cited']}"
    if cell.verdict == "pending":
        return f"{reported} / pending"
    return f"{reported} / {measured_text(cell)}"


def measured_text(cell: Cell) -> str:
    """Return what was measured with the verdict's mark, and a flag where there is one."""
    marks = [MARKS[cell.verdict], diverged_share(cell), FLAG if cell.flags else ""]
    number_text = with_std(cell.metric, cell.measured, cell.measured_std)
    if cell.measured is None and cell.diverged:
        number_text = missing_word(cell)
    return " ".join([number_text, *filter(None, marks)])


def missing_word(cell: Cell | None) -> str:
    """Return what stands where a number is missing: "diverged", or "pending" for what was not run."""
    return "diverged" if cell is not None and cell.diverged else "pending"


def diverged_share(cell: Cell) -> str:
    """Return e.g. "1/3" where one of three runs diverged; "" for none, or the only one."""
    runs = cell.n_seeds + cell.diverged
    return f"{cell.diverged}/{runs}" if cell.diverged and runs > 1 else ""


def marks_behind(cell: Cell) -> str:
    """Return what goes behind a mean in a picture: e.g. ∞ 1/3 of runs that diverged, a flag where one is."""
    share = diverged_share(cell)
    return f" {MARKS['diverged']} {share}" * bool(share) + f" {FLAG}" * bool(cell.flags)


def flag_lines(cells: Iterable[Cell]) -> list[str]:
    """Return one line that explains the flag, or none where no cell carries one."""
    signs = "; ".join(FLAG_MEANINGS[flag] for flag in flags_of(cells))
    return [f"{FLAG} suspect: {signs}"] if signs else []
