"""Windows of long documents, and models by name: a folder comes before a model that a package registers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.errors import EnvironmentFault, UsageError
from winnow.models.huggingface import ReadOptions, open_prior, split_windows

PLUGIN_MODULE = """
class TinyPrior:
    def score_documents(self, documents, request):
        return iter(())

def no_prior():
    return 5
"""


@pytest.fixture
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


@pytest.mark.usefixtures("plugin_package")
def test_a_model_that_a_package_registers_is_opened_by_name() -> None:
    assert type(open_prior("tiny", None, ReadOptions())).__name__ == "TinyPrior"


@pytest.mark.usefixtures("plugin_package")
def test_a_folder_comes_before_a_registered_model_of_its_name() -> None:
    Path("tiny").mkdir()
    with pytest.raises(UsageError, match=r"'tiny' has no config\.json"):
        open_prior("tiny", None, ReadOptions())


@pytest.mark.usefixtures("plugin_package")
def test_a_registered_model_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(UsageError, match="'tiny' has no reading options"):
        open_prior("tiny", None, ReadOptions(window=8))
    with pytest.raises(EnvironmentFault, match="winnow.models: broken is not a function that returns a prior"):
        open_prior("broken", None, ReadOptions())
    with pytest.raises(EnvironmentFault, match="plugin-models: .*not_there:model cannot be loaded"):
        open_prior("gone", None, ReadOptions())
    with pytest.raises(UsageError, match="'unknown' is not a folder"):
        open_prior("unknown", None, ReadOptions())


@given(st.integers(0, 400), st.integers(4, 60), st.data())
def test_every_token_but_the_first_is_new_once_and_has_its_context(length: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(1, size // 2))
    head = data.draw(st.integers(0, 1))
    windows = list(split_windows(7, length, size, overlap, head))
    new = [at for window in windows for at in range(window.first_new, window.end)]
    assert new == list(range(1, length))
    assert all(len(window) == size for window in windows if length > size)
    assert all(window.start >= 0 and window.end <= length and window.document == 7 for window in windows)
    for window in windows[1:]:
        assert window.first_new - window.start >= min(overlap, size - head - 1)
        assert window.head == head
