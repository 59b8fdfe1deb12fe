"""Inputs as ``--input`` describes them."""

from __future__ import annotations

import pytest

from archlab.audit.input_spec import parse_inputs
from archlab.errors import InputError


@pytest.mark.parametrize("text", ["3x", "x3", "3x4:float7", "-1x2"])
def test_an_input_that_is_no_shape(text):
    with pytest.raises(InputError):
        parse_inputs([text], 1)


def test_a_tensor_for_which_there_is_no_memory_is_an_error_in_words(monkeypatch):
    def full(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory\nat some line of C++")

    monkeypatch.setattr("torch.rand", full)
    call = parse_inputs(["3x4"], 2)
    with pytest.raises(
        InputError, match=r"a tensor of 2x3x4 cannot be made: DefaultCPUAllocator: can't allocate memory$"
    ):
        call.make("cpu")


@pytest.mark.parametrize(("size", "batch", "shape"), [('"N"', 5, (5, 3)), ('"N"', None, (1, 3)), ("2", None, (2, 3))])
def test_the_batch_of_a_file(tmp_path, size, batch, shape):
    path = tmp_path / "spec.json"
    tensor = f'{{"shape": [{size}, 3]}}'
    path.write_text(f'{{"args": [{tensor}], "kwargs": {{"batch": [{tensor}]}}}}')
    spec = parse_inputs([str(path)], batch)
    assert (spec.args[0].shape, spec.kwargs["batch"][0].shape) == (shape, shape)


@pytest.mark.parametrize("batch", [1, 5])
def test_a_batch_that_a_file_has_no_place_for_is_refused(tmp_path, batch):
    path = tmp_path / "spec.json"
    path.write_text('{"args": [{"shape": [2, 3]}, "N"]}')
    with pytest.raises(InputError, match=f"--batch {batch} would change nothing") as refused:
        parse_inputs([str(path)], batch)
    assert '"N"' in refused.value.hint
