"""What an open point's option was in runs and measurements, whose records leave out what has its default."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache

from repro.core.by_name import said
from repro.core.errors import ReproError
from repro.evaluate.registry import measurement_names
from repro.jobs.publication import Line
from repro.judge.ledger import LedgerOption
from repro.methods.registry import load_method
from repro.models.registry import load_network, network_options

TODAY = ", which is today's default"
NONE_THERE = "there is no such option beside the others"  # a network has its own options, and so do others


def values_of(option: LedgerOption, records: Mapping[str, Line]) -> dict[str, list[str]]:
    """Return each value that an option has in records of runs or of evaluations, with their ids.

    A default is the one of the code that is installed, and is said to be; records do not name it.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, record in records.items():
        spec = record["spec"]
        if option.of in (spec.get("method"), spec.get("measure")):
            found[_value(option, spec.get("options", {}))].append(name)
    return dict(found)


def words(value: object) -> str:
    """Return an option's or a record's value as pages print it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {words(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(words, value))})" if value else "none"
    return str(value)


def _value(option: LedgerOption, given: Line) -> str:
    if option.option in given:
        return words(given[option.option])
    try:
        if option.of in measurement_names():
            return f"{words(default_of(option.of, option.option))}{TODAY}"
        defaults = _of_method(option.of, given.get("network"), given.get("regulariser"))
    except (ReproError, ValueError):  # the method is gone since, or its network; or no literal stands there
        return "the default of its code"
    return f"{words(defaults[option.option])}{TODAY}" if option.option in defaults else NONE_THERE


def default_of(name: str, option: str) -> object:
    """Return an option's default as the measurement's file says it; importing that would take seconds.

    Raises:
        ValueError: it says none, or not as a literal.
    """
    text = said("repro.evaluate", name, rf"    {re.escape(option)}: [^=]+ = (.+)$") or ""
    try:
        value = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ValueError(text) from error
    if isinstance(value, ast.Call):
        value = next((each.value for each in value.keywords if each.arg == "default"), value)
    return ast.literal_eval(value)


@cache
def _of_method(name: str, network: str | None, regulariser: str | None) -> Mapping[str, object]:
    """Return the defaults of a method's options, of its network's, and of its regulariser's by their prefix.

    Raises:
        ReproError: there is no such method, network or regulariser.
    """
    from repro.methods.options import NetworkOptions
    from repro.methods.regularisers.registry import parse_regulariser  # imports torch, as methods do

    kind = load_method(name).Options
    found = {option: field.get_default() for option, field in kind.model_fields.items()}
    if issubclass(kind, NetworkOptions):
        parts = load_network(kind.networks, network or found["network"])
        found = {option: default for option, (_, default) in network_options(*parts).items()} | found
    if parsed := parse_regulariser(str(regulariser or found.get("regulariser", "none")), {}):
        found |= {f"regulariser.{option}": default for option, default in parsed[1]}
    return found
