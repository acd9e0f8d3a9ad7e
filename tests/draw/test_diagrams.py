"""Diagrams: their text fits, their numbers are the networks', and a network that is missing is an error."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from repro.compose.artefact import own_drawing
from repro.core.errors import ReproError
from repro.draw.architectures import Architecture, Layer, read_architectures, render_architectures, shape_text
from repro.draw.diagrams import Box, Canvas
from repro.draw.draw import draw
from repro.draw.figures.robgan import figure3 as boundaries
from repro.judge.artefacts import Artefact

DRAWN = [
    "robgan.figure1", "robgan.figure3", "robgan.figure4", "robgan.figure5", "advgan.figure2",
    "advgan.figure3", "advgan.figure4", "gat.figure1", "dat.figure2", "dat.figure10",
]  # fmt: skip
WITH_NETWORKS = [name for name in DRAWN if name not in ("robgan.figure3", "advgan.figure2")]


def made(
    parameters: int, inputs: list[tuple[int, ...]], outputs: list[tuple[int, ...]], convs: int
) -> Architecture:
    layers = [Layer(name=f"c{i}", type="Conv2d", out_shape=(1, 1, 1), parameters=0) for i in range(convs)]
    layers.append(Layer(name="l", type="Linear", out_shape=(1,), parameters=0))
    return Architecture(
        parameters=parameters, inputs=tuple(inputs), outputs=tuple(outputs), layers=tuple(layers)
    )


IMAGE = (3, 32, 32)
NETWORKS = {
    "robgan.generator": made(12_272_515, [(128,), ()], [IMAGE], 13),
    "robgan.discriminator": made(11_164_875, [IMAGE], [(), (10,)], 20),
    "gat.classifier": made(240_058, [IMAGE], [(10,)], 7),
    "gat.generator": made(107_763, [IMAGE], [IMAGE], 8),
    "dat.generator": made(4_276_739, [(128,)], [IMAGE], 10),
    "dat.discriminator": made(1_053_825, [IMAGE], [(1,)], 10),
}


def module(name: str) -> object:
    return importlib.import_module(f"repro.draw.figures.{name}")


def misfits(canvas: Canvas) -> list[str]:
    """Return the texts of ``canvas`` that leave their box or the sheet, or that lie on other text."""
    canvas.figure.canvas.draw()
    to_inches = canvas.axes.transData.inverted()
    found: list[str] = []
    extents = []
    for text, box in canvas.boxed + [(text, None) for text in canvas.free]:
        (x0, y0), (x1, y1) = to_inches.transform(text.get_window_extent())
        area = Box(canvas.width / 2, canvas.height / 2, canvas.width, canvas.height) if box is None else box
        slack = 0.015
        if (
            x0 < area.left[0] - slack or x1 > area.right[0] + slack
            or y0 < area.bottom[1] - slack or y1 > area.top[1] + slack
        ):  # fmt: skip
            found.append(f"`{text.get_text()}` leaves its {'sheet' if box is None else 'box'}")
        extents.append((text, x0, y0, x1, y1))
    for i, (one, a0, b0, a1, b1) in enumerate(extents):
        for other, c0, d0, c1, d1 in extents[i + 1 :]:
            if min(a1, c1) - max(a0, c0) > 0.02 and min(b1, d1) - max(b0, d0) > 0.03:
                found.append(f"`{one.get_text()}` lies on `{other.get_text()}`")
    for text, x0, y0, x1, y1 in extents[len(canvas.boxed) :]:
        for _, box in canvas.boxed:
            if (
                min(x1, box.right[0]) - max(x0, box.left[0]) > 0.02
                and min(y1, box.top[1]) - max(y0, box.bottom[1]) > 0.03
            ):
                found.append(f"`{text.get_text()}` lies on a box")
    return found


@pytest.mark.parametrize("name", WITH_NETWORKS)
def test_all_text_fits_and_nothing_overlaps(name: str) -> None:
    assert misfits(module(name).diagram(NETWORKS)) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", WITH_NETWORKS)
def test_a_diagram_follows_its_networks(name: str) -> None:
    def words(networks: dict[str, Architecture]) -> list[str]:
        return [text.get_text() for text, _ in module(name).diagram(networks).boxed]  # type: ignore[attr-defined]

    for key in module(name).NETWORKS:  # type: ignore[attr-defined]
        larger = NETWORKS[key].model_copy(update={"parameters": NETWORKS[key].parameters * 2})
        assert words(NETWORKS) != words({**NETWORKS, key: larger}), key


@pytest.mark.parametrize("name", WITH_NETWORKS)
def test_a_missing_network_is_named(name: str) -> None:
    needed = module(name).NETWORKS  # type: ignore[attr-defined]
    with pytest.raises(ReproError, match=f"`{needed[0]}`"):
        module(name).diagram({key: net for key, net in NETWORKS.items() if key != needed[0]})  # type: ignore[attr-defined]


def test_misfits_are_found() -> None:
    canvas = Canvas(3, 1)
    canvas.box(0.6, 0.5, 0.4, 0.4, "far too long for this box")
    canvas.label(2.2, 0.5, "one")
    canvas.label(2.2, 0.52, "other")
    found = misfits(canvas)
    assert any("leaves its box" in line for line in found)
    assert "`one` lies on `other`" in found


def test_the_robust_discriminator_is_robust() -> None:
    points, labels = boundaries.data()
    fake = points[labels == 0][:12]
    plain = boundaries.fit(points, labels, radius=0.0)
    robust = boundaries.fit(points, labels, radius=boundaries.RADIUS)
    for net in (plain, robust):
        assert ((net.logit(points) > 0) == (labels > 0.5)).all()
        ends = np.array([boundaries.nearest_real(net, point) for point in fake])
        assert np.abs(net.logit(ends)).max() < 0.05  # they lie on the boundary
    reach = [
        np.linalg.norm([boundaries.nearest_real(net, p) - p for p in fake], axis=1).mean()
        for net in (plain, robust)
    ]
    assert reach[1] > 1.5 * reach[0]
    step = 1e-5
    along = np.array([step, 0.0])
    shifted = (plain.logit(fake + along) - plain.logit(fake - along)) / (2 * step)
    assert plain.gradient(fake)[:, 0] == pytest.approx(shifted, abs=1e-5)


def test_an_attack_stays_in_its_ball_and_hurts() -> None:
    points, labels = boundaries.data()
    net = boundaries.fit(points, labels, radius=0.0)
    moved = boundaries.attack(net, points, labels, 0.2)
    assert np.linalg.norm(moved - points, axis=1).max() <= 0.2 + 1e-9
    sign = np.where(labels > 0.5, 1, -1)
    assert (sign * (net.logit(moved) - net.logit(points))).mean() < -0.5


def test_a_papers_own_drawing(tmp_path: Path) -> None:
    architectures, stem = tmp_path / "architectures.json", tmp_path / "gat" / "figure1"
    with pytest.raises(ReproError, match=r"architectures\.json is missing"):
        own_drawing("gat", "figure1", architectures, stem)
    assert own_drawing("gat", "table2", architectures, stem) is None
    architectures.write_text(render_architectures(NETWORKS))
    drawing = own_drawing("gat", "figure1", architectures, stem)
    assert drawing is not None
    entry = Artefact(paper="gat", name="figure1", kind="drawing", title="Scheme")
    paths = draw(entry, [], stem, root=tmp_path, profile="smoke", drawing=drawing)
    assert [path.name for path in paths] == ["figure1.png", "figure1.pdf"]
    before = [path.read_bytes() for path in paths]
    again = draw(entry, [], stem, root=tmp_path, profile="smoke", drawing=drawing)
    assert [path.read_bytes() for path in again] == before


def test_networks_file(tmp_path: Path) -> None:
    path = tmp_path / "architectures.json"
    path.write_text(render_architectures(NETWORKS))
    assert read_architectures(path) == NETWORKS
    data = json.loads(path.read_text())
    del data["gat.classifier"]["parameters"]
    path.write_text(json.dumps(data))
    with pytest.raises(ReproError, match=r"gat\.classifier\.parameters"):
        read_architectures(path)
    assert shape_text(IMAGE) == "32 × 32 × 3"
