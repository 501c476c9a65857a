"""Models by name: a registered model is found, a folder comes first, and unusable registrations are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from winnow.errors import EnvironmentFault, UsageError
from winnow.models.huggingface import ReadOptions
from winnow.models.open_prior import open_prior

PLUGIN_MODULE = """
class TinyPrior:
    def score_documents(self, documents, request):
        return iter(())

def no_prior():
    return 5
"""


@pytest.fixture(autouse=True)
def plugin_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that registers models."""
    (tmp_path / "plugin_models.py").write_text(PLUGIN_MODULE)
    info = tmp_path / "plugin_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[winnow.models]\ntiny = plugin_models:TinyPrior\nbroken = plugin_models:no_prior\ngone = not_there:model\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_a_model_that_a_package_registers_is_opened_by_name() -> None:
    assert type(open_prior("tiny", None, ReadOptions())).__name__ == "TinyPrior"


def test_a_folder_comes_before_a_registered_model_of_its_name() -> None:
    Path("tiny").mkdir()
    with pytest.raises(UsageError, match=r"'tiny' has no config\.json"):
        open_prior("tiny", None, ReadOptions())


def test_a_registered_model_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(UsageError, match="'tiny' has no reading options"):
        open_prior("tiny", None, ReadOptions(window=8))
    with pytest.raises(EnvironmentFault, match="winnow.models: broken is not a function that returns a prior"):
        open_prior("broken", None, ReadOptions())
    with pytest.raises(EnvironmentFault, match="plugin-models: .*not_there:model cannot be loaded"):
        open_prior("gone", None, ReadOptions())
    with pytest.raises(UsageError, match="'unknown' is not a folder"):
        open_prior("unknown", None, ReadOptions())
