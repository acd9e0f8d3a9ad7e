"""The canonical extractor's weights: found, checked before they are loaded, or refused with a remedy."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from repro.core.errors import ReproError
from repro.evaluate import inception
from repro.evaluate.feature_store import FeatureStore
from repro.evaluate.fidelity_library import REGISTERED
from repro.evaluate.scores import ScoreOptions, fidelity_scores


def test_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="not there") as error:
        inception.inception_extractor(tmp_path / "none.pth")
    assert "--inception" in error.value.remedy
    assert error.value.where == str(tmp_path / "none.pth")


def test_wrong_content_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    fake = tmp_path / "weights.pth"
    fake.write_bytes(b"not weights")
    with pytest.raises(ReproError, match=hashlib.sha256(b"not weights").hexdigest()[:8]):
        inception.inception_extractor(fake)


def test_the_whole_hash_is_pinned_not_its_first_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(inception.SHA256) == 64
    assert inception.FILE.endswith(f"-{inception.SHA256[:8]}.pth")
    file = tmp_path / "weights.pth"
    file.write_bytes(b"imitation")
    digest = hashlib.sha256(b"imitation").hexdigest()
    monkeypatch.setattr(inception, "SHA256", digest[:-1] + ("0" if digest[-1] != "0" else "1"))
    with pytest.raises(ReproError, match="not the Inception weights"):
        inception.inception_extractor(file)
    monkeypatch.setattr(inception, "URL", file.as_uri())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(ReproError, match="could not be downloaded"):
        inception.inception_extractor(None)
    assert not list(tmp_path.rglob(inception.FILE))


def test_a_torch_home_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.delenv(inception.INCEPTION, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file" / "torch"))
    with pytest.raises(ReproError, match="could not be downloaded") as error:
        inception.inception_extractor(None)
    assert "--inception" in error.value.remedy


def test_the_remedy_of_each_refusal_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, got elsewhere, is taken by option and by variable."""
    file = tmp_path / "elsewhere.pth"
    file.write_bytes(b"stand-in for the weights")
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing"))
    taken = inception.inception_extractor(file)
    assert (taken.weights, taken.sha256, taken.stand_ins) == (file, inception.SHA256, frozenset())
    monkeypatch.setenv(inception.INCEPTION, str(file))
    assert inception.inception_extractor(None).weights == file


def test_failed_download_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(inception.INCEPTION, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(inception, "URL", (tmp_path / "nowhere.pth").as_uri())
    with pytest.raises(ReproError, match="could not be downloaded") as error:
        inception.inception_extractor(None)
    assert "--inception" in error.value.remedy


@pytest.mark.slow
def test_canonical_path_with_random_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file of weights to scores; random weights, since the real ones are a download."""
    network = REGISTERED[inception.NAME]
    torch.manual_seed(0)
    with monkeypatch.context() as patch:  # the constructor insists on loading a file
        patch.setattr(torch, "load", lambda *_, **__: {})
        patch.setattr(network, "load_state_dict", lambda *_: None)
        random = network(inception.NAME, ["2048"], feature_extractor_weights_path="none")
    file = tmp_path / inception.FILE
    torch.save(random.state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "SHA256", digest)
    extractor = inception.inception_extractor(file)
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8, generator=chance)
    options = ScoreOptions(splits=1, kid_subsets=1)
    store = FeatureStore(torch.device("cpu"))
    features = [store.of(lambda: each, extractor) for each in (images, images.flip(0))]  # noqa: B023
    scores = fidelity_scores(*features, options)
    assert scores["is"] >= 1 - 1e-6  # such weights tell no image from another: it is 1 but for rounding
    assert abs(scores["fid"]) < 1e-2
