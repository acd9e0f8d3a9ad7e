"""Turns pytest-benchmark's JSON into small CSV files named by what was timed, where, format, width, versions.

Where no GPU was at hand, each case that one could have run has a second row that says so.

Use: ``python benchmarks/publish.py BENCH.json results/published/benchmarks``
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from repro.core.csv_text import csv_text

NO_GPU = "no GPU was at hand"
COLUMNS = (
    "benchmark",
    "case",
    "device",
    "median_s",
    "q1_s",
    "q3_s",
    "fastest_s",
    "rounds",
    "per_second",
    "details",
)


def slug(text: str) -> str:
    """Return ``text`` as part of a file name."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def row(benchmark: dict[str, Any], device: str) -> dict[str, object]:
    """Return one line of the CSV; seconds per call, quartiles over the timed calls."""
    stats, details = benchmark["stats"], benchmark["extra_info"]
    times = {"median_s": "median", "q1_s": "q1", "q3_s": "q3", "fastest_s": "min"}
    return {
        "benchmark": benchmark["name"].partition("[")[0].removeprefix("test_"),
        "case": benchmark["param"] or "",
        "device": device,
        **{column: f"{stats[name]:.5g}" for column, name in times.items()},
        "rounds": stats["rounds"],
        "per_second": f"{1 / stats['median']:.4g}",
        "details": "; ".join(f"{name} {value}" for name, value in details.items()),
    }


def without_gpu(benchmark: dict[str, Any]) -> dict[str, object]:
    """Return the line that stands for the same case on CUDA where there was none."""
    name, case = row(benchmark, "cuda")["benchmark"], benchmark["param"] or ""
    return {"benchmark": name, "case": case, "device": "cuda", "details": NO_GPU}


def publish(source: Path, folder: Path) -> list[Path]:
    """Write one CSV for each benchmark file that ran, with a comment line on what it ran on."""
    found = json.loads(source.read_text())
    made = found["machine_info"]["repro"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for benchmark in found["benchmarks"]:
        topic = Path(benchmark["fullname"].partition("::")[0]).stem.removeprefix("test_")
        groups.setdefault(topic, []).append(benchmark)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for topic, members in groups.items():
        rows = [row(member, made["device"]["kind"]) for member in members]
        if not found["machine_info"]["cuda_at_hand"]:
            rows += [without_gpu(member) for member in members if "precision" in member["extra_info"]]
        formats = {member["extra_info"].get("precision") for member in members} - {None}
        widths = {
            float(member["extra_info"]["width"]) for member in members if "width" in member["extra_info"]
        }
        versions = [f"repro{made['code']['version']}", f"torch{made['packages']['torch']}"]
        sizes = [f"width{width:g}" for width in sorted(widths)]
        parts = [topic, made["device"]["name"], *sorted(formats), *sizes, *versions]
        path = folder / ("_".join(map(slug, parts)) + ".csv")
        about = {"date": found["datetime"], "code": made["code"], "threads": made["threads"]}
        about |= {"device": made["device"]["name"], "environment": made["environment"]}
        with path.open("w", newline="") as file:
            file.write(f"# {json.dumps(about)}\n")
            file.write(csv_text([COLUMNS, *([each.get(name, "") for name in COLUMNS] for each in rows)]))
        written.append(path)
    return written


def main() -> None:
    """Read the arguments, write the files, say where."""
    if len(sys.argv) != 3:
        sys.exit("use: python benchmarks/publish.py BENCH.json FOLDER")
    for path in publish(Path(sys.argv[1]), Path(sys.argv[2])):
        print(path)


if __name__ == "__main__":
    main()
