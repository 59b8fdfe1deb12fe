"""The names that are read from the libraries' source are those that the libraries give."""

from __future__ import annotations

import importlib

import pytest

from archlab.audit.zoo_names import LIBRARIES, zoo_names


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_names_are_those_that_the_library_lists(library: str):
    models = pytest.importorskip(f"{library}.models")
    assert list(zoo_names(library)) == sorted(models.list_models())


def test_of_a_library_that_is_not_installed_there_are_none(monkeypatch, tmp_path):
    assert importlib.util.find_spec("torchvision") is not None or zoo_names("torchvision") == ()
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    zoo_names.cache_clear()
    assert zoo_names("timm") == ()
    (tmp_path / "timm" / "models").mkdir(parents=True)
    (tmp_path / "timm" / "__init__.py").touch()
    source = "@register_model\ndef a_net(): ...\n\n@register_model(name='b')\ndef b_net(): ...\n"
    (tmp_path / "timm" / "models" / "nets.py").write_text(source.replace("'", '"'), encoding="utf-8")
    zoo_names.cache_clear()
    assert zoo_names("timm") == ("a_net", "b")
    zoo_names.cache_clear()
