"""YAML with line numbers: reads a configuration file and can say where each of its values stands.

The rules are those of YAML 1.2's core schema, so ``1e-3`` is a number, ``on`` and ``no`` are words, and a
date is text; beside them ``2/255`` is a number, as people write it. A key that occurs twice is an error,
since the parser would silently keep only the last one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from repro.core.errors import ReproError

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML built without libyaml: the same rules, slower
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]

LineOf = Callable[[Sequence[str | int]], int]
"""Maps a path such as ``("recipes", "gat", "budget")`` or ``("rows", 3)`` to its line, counted from 1."""


class _Loader(_BaseLoader):
    """Safe loader (runs no code) that follows YAML 1.2's core schema instead of 1.1's guesses."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own protocol


for _tag, _pattern, _first in [
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.inf)|\.nan",
        list("-+.0123456789"),
    ),
    ("fraction", r"[0-9]+/[1-9][0-9]*", list("0123456789")),
    ("merge", r"<<", ["<"]),
]:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$"), _first)


def _fraction(loader: _Loader, node: yaml.ScalarNode) -> float:
    over, _, under = node.value.partition("/")
    return int(over) / int(under)


_Loader.add_constructor("tag:yaml.org,2002:fraction", _fraction)


def load_yaml(path: Path, *, may_be_empty: bool = False) -> tuple[Any, LineOf]:
    """Read one YAML document.

    Args:
        path: the file.
        may_be_empty: a file that holds nothing, or comments alone, is read as None and is no error.

    Returns:
        The data, and a function from a path of keys and indices to the line on which that entry begins.
        Parts of a path that the file does not hold (a missing field, a tag that pydantic adds) are passed
        over, so that the answer is the line of the nearest enclosing entry.

    Raises:
        ReproError: the file is missing, is not UTF-8 text, is empty, breaks YAML's syntax, holds several
            documents, repeats a key, or refers to itself.
    """
    loader = _open(path)
    try:
        root = loader.get_single_node()
        if root is None and may_be_empty:
            return None, lambda keys: 1
        if root is None:
            raise ReproError("The file is empty.", remedy="Fill it in or restore it from git.", where=path)
        _check(root, path, loader, open_nodes=set(), done=set())
        data = loader.construct_document(root)
    except yaml.YAMLError as error:
        raise _syntax_error(error, path) from error
    except RecursionError:
        raise ReproError(
            "The file is nested too deeply.", remedy="Write it with fewer levels.", where=path
        ) from None
    finally:
        loader.dispose()

    def line_of(keys: Sequence[str | int]) -> int:
        node, line = root, root.start_mark.line
        for key in keys:
            found = _child(node, key)
            if found is not None:
                node, line = found
        return int(line) + 1

    return data, line_of


def _open(path: Path) -> _Loader:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ReproError(
            "A configuration file is missing.", remedy="Restore it from git, or correct the path.", where=path
        ) from None
    except UnicodeDecodeError as error:
        raise ReproError("The file is not UTF-8 text.", remedy="Save it as UTF-8.", where=path) from error
    except OSError as error:
        raise ReproError(
            f"The file cannot be read: {error.strerror}.",
            remedy="Give the path of a readable file.",
            where=path,
        ) from error
    try:
        return _Loader(text)
    except yaml.YAMLError as error:
        raise _syntax_error(error, path) from error


def _syntax_error(error: yaml.YAMLError, path: Path) -> ReproError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = [word for word in (getattr(error, "context", None), getattr(error, "problem", None)) if word]
    return ReproError(
        f"This is not valid YAML: {', '.join(words) or error}.",
        remedy="Mend this line or the one before it (indentation, a missing colon, quote or bracket).",
        where=path,
        line=None if mark is None else mark.line + 1,
    )


def _check(node: yaml.Node, path: Path, loader: _Loader, *, open_nodes: set[int], done: set[int]) -> None:
    """Raise on repeated keys and on aliases that lead back to themselves; each node is looked at once."""
    if id(node) in open_nodes:
        raise ReproError(
            "An alias refers to a value that contains it.",
            remedy="Write the value out instead of using the alias.",
            where=path,
            line=node.start_mark.line + 1,
        )
    if id(node) in done or isinstance(node, yaml.ScalarNode):
        return
    open_nodes.add(id(node))
    if isinstance(node, yaml.MappingNode):
        first: dict[Any, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ReproError(
                    "A key is a list or a mapping.",
                    remedy="Use a word or a number as key; quote it if it holds brackets or braces.",
                    where=path,
                    line=line,
                )
            merge = key_node.tag == "tag:yaml.org,2002:merge"
            key = "<<" if merge else loader.construct_object(key_node)
            if key in first:
                raise ReproError(
                    f"The key {key!r} occurs twice (first on line {first[key]}).",
                    remedy="Remove or rename one of the two entries.",
                    where=path,
                    line=line,
                )
            first[key] = line
            _check(value_node, path, loader, open_nodes=open_nodes, done=done)
    else:
        for item in node.value:
            _check(item, path, loader, open_nodes=open_nodes, done=done)
    open_nodes.discard(id(node))
    done.add(id(node))


def _child(node: yaml.Node, key: str | int) -> tuple[yaml.Node, int] | None:
    """The entry ``key`` of a node with the line (from 0) on which it begins, or None."""
    if isinstance(node, yaml.MappingNode):
        # Merged entries ("<<") stand in front of a mapping's own ones and give way to them: the last counts.
        for key_node, value_node in reversed(node.value):
            if key_node.value == str(key):
                return value_node, key_node.start_mark.line
    elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and 0 <= key < len(node.value):
        item = node.value[key]
        return item, item.start_mark.line
    return None
