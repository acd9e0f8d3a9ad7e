"""A YAML file checked against a pydantic schema; what does not fit is reported with file, line and remedy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from repro.core.errors import ReproError
from repro.core.yaml_lines import LineOf, load_yaml

T = TypeVar("T")


def load_model(path: Path, schema: type[T], *, may_be_empty: bool = False) -> tuple[T, LineOf]:
    """Read ``path``, which is None where it may be and is empty, and check it against ``schema``.

    Returns:
        The value and the function from a path of keys to a line (see `repro.core.yaml_lines.load_yaml`).

    Raises:
        ReproError: the file cannot be read, or does not fit; field and line are named.
    """
    data, line_of = load_yaml(path, may_be_empty=may_be_empty)
    try:
        return TypeAdapter(schema).validate_python(data), line_of
    except ValidationError as error:
        raise schema_error(error, path, line_of) from error


def require_unique(names: Sequence[str], path: Path, line_of: LineOf, *, what: str) -> None:
    """Raise a ReproError with the line of the second entry when two entries of a list carry the same name."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        line = line_of((index,))
        if name in seen:
            raise ReproError(
                f"Two entries have the {what} {name!r} (the first on line {seen[name]}).",
                remedy=f"Give each entry a {what} of its own.",
                where=path,
                line=line,
            )
        seen[name] = line


def schema_error(error: ValidationError, path: Path, line_of: LineOf) -> ReproError:
    """Turn pydantic's first complaint into the user's error; the others follow once it is mended."""
    first = error.errors(include_url=False)[0]
    location: tuple[str | int, ...] = tuple(first["loc"])
    name = ".".join(str(part) for part in location) or "the whole file"
    others = error.error_count() - 1
    more = f" ({others} more after this one)" if others else ""
    return ReproError(
        f"{name}: {first['msg']}{more}.",
        remedy=_remedy(first["type"], location, first.get("ctx", {})),
        where=path,
        line=line_of(location),
    )


def _remedy(kind: str, location: tuple[str | int, ...], context: dict[str, Any]) -> str:
    field = location[-1] if location else ""
    if kind == "missing":
        return f"Add the field {field!r}."
    if kind == "extra_forbidden":
        return f"Remove the field {field!r} or correct its spelling."
    if kind in ("literal_error", "enum"):
        return f"Use one of: {context.get('expected')}."
    return "Correct this value; the schema's own words are above."
