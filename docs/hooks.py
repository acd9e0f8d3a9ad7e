"""Pages of the documentation made from what exists: README, CONTRIBUTING, sheets, ledgers, schemas, commands.

MkDocs calls the functions named ``on_...``. Nothing that another file says is written a second time here.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from typer.cli import get_docs_for_click
from typer.main import get_command

from repro.cli import app
from repro.compose.paper_files import all_reported
from repro.draw.tables import pipes
from repro.judge.audit import AuditEntry, audit, read_audit
from repro.judge.claims import Claim, read_claims
from repro.judge.ledger import LedgerItem, read_ledger
from repro.plan.config import Config, Settings, load_config
from repro.plan.profile import Profile
from repro.plan.sheet import Sheet
from repro.site.export.records import CellRecord, RunRecord

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS: dict[str, tuple[type[BaseModel], ...]] = {
    "`config/papers/<paper>/sheet.yaml`": (Sheet,),
    "`config/papers/<paper>/claims.yaml`, `audit.yaml`, `ledger.yaml`": (Claim, AuditEntry, LedgerItem),
    "`config/profiles/<profile>.yaml`": (Profile,),
    "`config/config.yaml`": (Settings,),
    "`repro export`: `cells/`, `runs/`": (CellRecord, RunRecord),
}
# Page: file, and the sections of it that make the page (all of it where there is none).
PARTS = {
    "index.md": ("README.md", ()),
    "how-to/own-row.md": ("README.md", ("Your own row",)),
    "how-to/own-data-set.md": ("CONTRIBUTING.md", ("A data set",)),
    "how-to/own-paper.md": ("CONTRIBUTING.md", ("A paper", "A row of a table")),
    "how-to/own-profile.md": ("CONTRIBUTING.md", ("A profile",)),
    "how-to/own-method.md": ("CONTRIBUTING.md", ("A method", "A network", "A figure of its own")),
    "reference/verdicts.md": ("README.md", ("How to read a verdict",)),
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)


def on_config(config: Any) -> Any:
    """Enter a page for each paper into the navigation."""
    for entry in config.nav:
        if "Papers" in entry:
            entry["Papers"] = [{sheet.name: f"papers/{name}.md"} for name, sheet in _suite().sheets.items()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made, and the pictures that pages show from elsewhere in the checkout."""
    made = {page: _part(*source) for page, source in PARTS.items()}
    made |= {f"papers/{name}.md": "\n".join(_paper(_suite(), name)) for name in _suite().sheets}
    made["reference/commands.md"] = _commands()
    made["reference/schemas.md"] = "\n".join(_schemas())
    pages = {*made, *(file.src_uri for file in files)}
    origin = {page: PurePosixPath(PARTS[page][0]).parent for page in PARTS}
    for page, text in made.items():
        files.append(
            File.generated(config, page, content=_linked(text, page, origin.get(page), pages, files, config))
        )
    for file in [file for file in files.documentation_pages() if file.generated_by is None]:
        text = file.content_string
        files.remove(file)
        content = _linked(text, file.src_uri, PurePosixPath("docs"), pages, files, config)
        files.append(File.generated(config, file.src_uri, content=content))
    return files


@cache
def _suite() -> Config:
    return load_config(ROOT / "config")


def _part(source: str, sections: tuple[str, ...]) -> str:
    """Return a file, or some of its sections of the second level, the first one's heading as the page's."""
    text = (ROOT / source).read_text(encoding="utf-8")
    if not sections:
        return text
    found = {each.partition("\n")[0]: each.partition("\n")[2] for each in text.split("\n## ")[1:]}
    first, *rest = sections
    return f"# {first}\n{found[first]}" + "".join(f"\n## {name}\n{found[name]}" for name in rest)


def _linked(
    text: str, page: str, origin: PurePosixPath | None, pages: set[str], files: Files, config: Any
) -> str:
    """Return a page whose links lead to pages; other files of the checkout are named, pictures copied."""
    if origin is None:
        return text

    def link(found: re.Match[str]) -> str:
        picture, words, target = found.groups()
        name, _, place = target.partition("#")
        if "://" in target or not name:
            return found[0]
        path = PurePosixPath(os.path.normpath(origin / name))
        own = path.relative_to("docs").as_posix() if path.parts[0] == "docs" else None
        own = {"README.md": "index.md", "CONTRIBUTING.md": "how-to/own-paper.md"}.get(str(path), own)
        if picture:
            own = f"pictures/{path.name}"
            if own not in {file.src_uri for file in files}:
                files.append(File.generated(config, own, abs_src_path=str(ROOT / path)))
        elif own not in pages:
            return f"{words} (`{path}`)" if words.strip("`") != str(path) else f"`{path}`"
        shown = os.path.relpath(own, PurePosixPath(page).parent)
        return f"{picture}[{words}]({shown}{'#' + place if place else ''})"

    parts = _FENCE.split(text)  # what stands in a block of code is no link
    return "".join(part if index % 2 else _LINK.sub(link, part) for index, part in enumerate(parts))


def _paper(config: Config, paper: str) -> Iterator[str]:
    """Yield the lines of a paper's page: what we read, chose, found."""
    sheet = config.sheets[paper]
    reported = {place: each for place, each in all_reported(config).items() if place.paper == paper}
    yield from (f"# {sheet.name}", "", f"*{sheet.title}*, `config/papers/{paper}/`", "")
    yield from ("## What we read", "", f"{len(reported)} printed numbers, in these tables and figures:", "")
    yield from ("| | shows | where | command |", "|---|---|---|---|")
    for name, artefact in sheet.artefacts.items():
        words = (f"`{paper}/{name}`", artefact.title, artefact.source, f"`repro table {paper}/{name}`")
        yield pipes(words)
    items = read_ledger(config.paper_file(paper, "ledger.yaml"), paper)
    yield from (
        "",
        "## What we chose",
        "",
        f"{len(items)} points are open or contradictory in the paper.",
        "",
    )
    for item in items:
        yield from (f"### {item.id}", "", f"*{_text(item.source)}.* {_text(item.text)}", "")
        option = (
            f" Option `{item.option.name}`: {', '.join(f'`{v}`' for v in item.option.values)}."
            if item.option
            else ""
        )
        yield from (f"**Here**: {_text(item.choice)}{option}", "")
    yield from ("## What we found", "", "Recomputed from the printed numbers alone:", "")
    yield from ("| the paper says | stated | recomputed | |", "|---|---:|---:|---|")
    for row in audit(all_reported(config), read_audit(config.paper_file(paper, "audit.yaml"), paper)):
        words = (row.statement, row.stated, row.recomputed, row.verdict)
        yield pipes(_text(word or "–") for word in words)
    yield from _claims(config, paper)


def _claims(config: Config, paper: str) -> Iterator[str]:
    """Yield what published results say of a paper's claims."""
    yield from (
        "",
        "Claims, by published runs: verdict, and order of rows that share every stand-in.",
        "",
    )
    published = {path.parent.name: path for path in sorted(ROOT.glob("results/published/*/claims.csv"))}
    rows = {
        name: {row["id"]: row for row in csv.DictReader(path.open(encoding="utf-8", newline=""))}
        for name, path in published.items()
    }
    shown = [name for name, found in rows.items() if any(row["paper"] == paper for row in found.values())]
    yield pipes(["claim", *(shown or ["published"])])
    yield "|---|" + "---|" * max(1, len(shown))
    for claim in read_claims(config.paper_file(paper, "claims.yaml"), paper):
        words = [
            " · ".join(filter(None, (row["verdict"], row["direction"]))) if row else "–"
            for row in (rows[name].get(claim.id) for name in shown)
        ]
        yield pipes([_text(claim.statement), *(words or ["nothing yet"])])


def _text(text: str) -> str:
    """Return text of a YAML file as Markdown takes it: in one line, with ``<`` and ``*`` as they are."""
    return re.sub(r"([<*\[\]])", r"\\\1", " ".join(text.split()))


def _commands() -> str:
    command = get_command(app)
    context = command.make_context("repro", [], resilient_parsing=True)
    return get_docs_for_click(obj=command, ctx=context, name="repro", title="Commands")


def _schemas() -> Iterator[str]:
    """Yield the fields of every file that people write or read, with what the models say of them."""
    yield from ("# Files and their fields", "")
    for title, models in SCHEMAS.items():
        yield from (f"## {title}", "")
        seen: dict[str, dict[str, Any]] = {}
        for model in models:
            schema = model.model_json_schema()
            seen |= {model.__name__: schema} | schema.get("$defs", {})
        for name, schema in seen.items():
            if "properties" not in schema:
                continue
            yield from (f"### {name}", "", *_described(schema))


def _described(schema: dict[str, Any]) -> Iterator[str]:
    text, _, attributes = str(schema.get("description", "")).partition("Attributes:")
    told = dict(re.findall(r"^ *(\w+): ((?:.|\n(?! *\w+: ))*)", attributes, re.MULTILINE))
    yield from (_text(text.replace("``", "`")), "", "| field | type | default | |", "|---|---|---|---|")
    for name, field in schema["properties"].items():
        default = (
            f"`{field['default']!r}`"
            if "default" in field
            else ""
            if name in schema.get("required", ())
            else "–"
        )
        meaning = field.get("description") or told.get(name, "")
        words = (f"`{name}`", _type(field), default, _text(meaning.replace("``", "`")))
        yield pipes(words)
    yield ""


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(each) for each in field["anyOf"]))
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "enum" in field:
        return " or ".join(f"`{each}`" for each in field["enum"])
    kind = str(field.get("type", "any"))
    items = field.get("items") or field.get("additionalProperties")
    return f"{kind} of {_type(items)}" if isinstance(items, dict) and items else kind
