"""YAML with line numbers: what is read, which line is named, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from repro.core.errors import ReproError
from repro.core.yaml_lines import load_yaml
from repro.core.yaml_model import load_model, require_unique

SHEET = """\
base: &base {lr: 1e-3, order: [no, on], none: , date: 2019-01-01, code: 010, share: 2/255, place: a/2}
rows:
  - {name: first, <<: *base, lr: 2}
  - name: second
    deep: [1,
      {value: .5}]
    10: ten
"""


@pytest.fixture
def write(tmp_path: Path):
    def write_text(text: str) -> Path:
        path = tmp_path / "sheet.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


def test_values_follow_yaml_1_2(write) -> None:
    data, _ = load_yaml(write(SHEET))
    assert data["base"] == {
        "lr": 0.001,
        "order": ["no", "on"],
        "none": None,
        "date": "2019-01-01",
        "code": "010",
        "share": 2 / 255,
        "place": "a/2",
    }
    assert data["rows"][0]["lr"] == 2
    assert data["rows"][0]["code"] == "010"
    assert data["rows"][1] == {"name": "second", "deep": [1, {"value": 0.5}], 10: "ten"}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 1),
        (("rows",), 2),
        (("rows", 0, "lr"), 3),
        (("rows", 0, "date"), 1),
        (("rows", 1), 4),
        (("rows", 1, "deep"), 5),
        (("rows", 1, "deep", 1, "value"), 6),
        (("rows", 1, 10), 7),
        (("rows", 1, "absent"), 4),
        (("rows", 99), 2),
        (("rows", 1, "a-union-tag", "deep", 1), 6),
    ],
)
def test_line_of_a_path(write, keys: tuple[str | int, ...], line: int) -> None:
    _, line_of = load_yaml(write(SHEET))
    assert line_of(keys) == line


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' occurs twice (first on line 1)"),
        ("a:\n  - {b: 1, b: 2}\n", 2, "'b' occurs twice"),
        ("a: &x [*x]\n", 1, "contains it"),
        ("a: 1\nb: [1\nc: 2\n", 3, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("a: *missing\n", 1, "undefined alias"),
        ("a: !!python/object:os.system x\n", 1, "python/object"),
        ("? [1]\n: 2\n", 1, "A key is a list"),
        ("", None, "empty"),
        ("a: \x00\n", None, "not valid YAML"),
        ("[" * 3000 + "]" * 3000, None, "nested too deeply"),
    ],
)
def test_refuses_with_the_line(write, text: str, line: int | None, words: str) -> None:
    path = write(text)
    with pytest.raises(ReproError) as caught:
        load_yaml(path)
    assert caught.value.line == line
    assert caught.value.where == str(path)
    assert words in caught.value.message
    assert caught.value.remedy


def test_refuses_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="missing"):
        load_yaml(tmp_path / "absent.yaml")
    with pytest.raises(ReproError, match="cannot be read"):
        load_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: caf\xe9\n")
    with pytest.raises(ReproError, match="UTF-8"):
        load_yaml(tmp_path / "latin.yaml")


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    size: int = 1


class Sheet(BaseModel):
    rows: list[Entry]


@pytest.mark.parametrize(
    ("text", "line", "words", "remedy"),
    [
        ("rows:\n  - name: a\n  - size: 2\n", 3, "rows.1.name", "Add the field 'name'"),
        ("rows:\n  - name: a\n    colour: red\n", 3, "rows.0.colour", "Remove the field 'colour'"),
        ("rows:\n  - name: a\n    size: many\n", 3, "rows.0.size", "Correct this value"),
        ("rows: 3\n", 1, "rows", "Correct this value"),
    ],
)
def test_schema_errors_name_field_line_and_remedy(
    write, text: str, line: int, words: str, remedy: str
) -> None:
    with pytest.raises(ReproError) as caught:
        load_model(write(text), Sheet)
    assert caught.value.line == line
    assert words in caught.value.message
    assert remedy in caught.value.remedy


def test_lists_and_unique_names(write) -> None:
    path = write("- name: a\n- name: b\n  size: 3\n- name: a\n")
    entries, line_of = load_model(path, list[Entry])
    assert [entry.size for entry in entries] == [1, 3, 1]
    with pytest.raises(ReproError, match="Two entries have the name 'a'") as caught:
        require_unique([entry.name for entry in entries], path, line_of, what="name")
    assert caught.value.line == 4
    require_unique(["a", "b", "c"], path, line_of, what="name")
