"""Adds an entry to a YAML file's text and leaves all else, comments included, as it stands."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import yaml


def append(text: str, place: Sequence[str | int], entry: str) -> str | None:
    """Return ``text`` with ``entry`` below the last one of a list or mapping, indented as the others are.

    Args:
        text: one YAML document.
        place: keys and indices that lead to the list or mapping.
        entry: the text of a whole entry, not indented.

    Returns:
        The new text; None where there is no such place, or it is written on one line or as an alias.
    """
    node, begun = yaml.compose(text), 0
    for key in place:
        if isinstance(node, yaml.MappingNode):
            pairs = [(name.start_mark.index, value) for name, value in node.value if name.value == key]
        elif isinstance(node, yaml.SequenceNode):
            pairs = [(begun, value) for value in node.value[int(key) : int(key) + 1]]
        else:
            pairs = []
        if not pairs:
            return None
        begun, node = pairs[0]
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or node.start_mark.index < begun:
        return None  # an alias' node stands where its anchor does, further up
    lines = text.splitlines()
    first, end = (
        node.start_mark.line,
        node.end_mark.line,
    )  # that of an anchor, if any; that of what comes next
    if lines[first][node.start_mark.column] == "&":
        first += 1
    while _empty(lines[first]):
        first += 1
    while _empty(lines[end - 1]):
        end -= 1
    lines[end:end] = textwrap.indent(
        entry, " " * (len(lines[first]) - len(lines[first].lstrip()))
    ).splitlines()
    return "\n".join(lines) + "\n"


def _empty(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
