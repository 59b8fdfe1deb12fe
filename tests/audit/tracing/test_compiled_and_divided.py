"""Models that were compiled, frozen, divided among devices or given ragged batches."""

from __future__ import annotations

import functools
import json
import sys

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

import archlab
from archlab.audit.tracing.script_notes import FROZEN, ONEDNN
from archlab.errors import AuditError


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8, bias=False)

    def forward(self, x):
        return self.layer(x).relu()


class CompiledInside(Layer):
    def forward(self, x):
        return self.compiled(x)

    @torch.compile
    def compiled(self, x):
        return self.layer(x).relu()


class CompiledLate(Layer):
    def forward(self, x):
        return torch.compile(self.layer, mode="max-autotune")(x).relu()


def compiled_in_place():
    model = Layer()
    model.compile()
    return model


@pytest.mark.parametrize("make", [lambda: torch.compile(Layer()), compiled_in_place, CompiledInside, CompiledLate])
def test_compiled_models_run_as_what_they_were_compiled_from(make, monkeypatch):
    model = make()

    def never(*args, **kwargs):
        raise AssertionError("the compiler was asked")

    monkeypatch.setattr(sys.modules["torch._dynamo.convert_frame"], "compile_frame", never, raising=False)
    monkeypatch.setattr(sys.modules["torch._dynamo.convert_frame"], "_compile", never)
    audit = archlab.audit(model, torch.ones(2, 8))
    assert (audit.macs, audit.device, audit.params) == (128, "meta", 64)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_frozen_script_is_audited():
    script = torch.jit.freeze(torch.jit.script(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()).eval()))
    assert archlab.audit(script, torch.ones(1, 3, 8, 8)).macs == 36 * 27 * 8


@pytest.fixture
def mesh(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def test_layers_divided_by_tensor_parallelism_are_counted_once_and_twice_alike(mesh):
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 8))
    model = parallelize_module(model, mesh, {"0": ColwiseParallel(), "1": RowwiseParallel()})
    first, second = (archlab.audit(model, torch.ones(4, 64)) for _ in range(2))
    assert (first.macs, second.macs) == (4 * 64 * 72,) * 2
    assert first.uncounted == ()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("nested", [False, True])
def test_a_fully_sharded_model_is_counted_by_its_own_parameters_or_refused(mesh, nested):
    def wrapped(use_orig_params):
        wrap = functools.partial(
            FullyShardedDataParallel, device_id=torch.device("cpu"), use_orig_params=use_orig_params
        )
        head = nn.Linear(64, 8)
        return wrap(nn.Sequential(nn.Linear(64, 64), wrap(head) if nested else head))

    model = wrapped(True)
    audit = archlab.audit(model, torch.ones(4, 64))
    assert (audit.params, audit.macs, audit.uncounted) == (64 * 65 + 65 * 8, 4 * 64 * 72, ())
    assert model(torch.ones(4, 64)).shape == (4, 8), "it still runs"
    with pytest.raises(AuditError, match="one flat tensor") as refused:
        archlab.audit(wrapped(False), torch.ones(4, 64))
    assert "before it is wrapped" in refused.value.hint
    part = model._modules["_fsdp_wrapped_module"][1] if nested else model
    part.world_size = 2
    with pytest.raises(AuditError, match="its own part"):
        archlab.audit(model, torch.ones(4, 64))


def test_a_ragged_batch_is_counted_by_its_rows_and_its_audit_is_json():
    ragged = torch.nested.nested_tensor([torch.ones(3, 16), torch.ones(5, 16)], layout=torch.jagged)
    audit = archlab.audit(nn.Linear(16, 8, bias=False), ragged)
    assert audit.macs == 8 * 16 * 8
    assert json.loads(json.dumps(audit.as_dict()))["inputs"][0]["shape"] == [2, 5, 16]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_a_quantized_model_has_its_packed_parameters_and_its_macs():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter, self.leave = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
            self.conv, self.relu, self.head = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Linear(8, 5)

        def forward(self, x):
            return self.leave(self.head(self.relu(self.conv(self.enter(x))).mean((2, 3))))

    model = Small().eval()
    plain = archlab.audit(model, torch.ones(1, 3, 8, 8))
    model.qconfig = torch.ao.quantization.get_default_qconfig(torch.backends.quantized.engine)
    torch.ao.quantization.prepare(model, inplace=True)
    model(torch.ones(1, 3, 8, 8))
    quantized = archlab.audit(torch.ao.quantization.convert(model), torch.ones(1, 3, 8, 8))
    assert (quantized.params, quantized.macs) == (plain.params, plain.macs) == (8 * 28 + 45, 36 * 27 * 8 + 40)
    assert quantized.param_bytes == 8 * 27 + 40 + 4 * 13, "one byte for a weight, four for a bias"
    assert quantized.uncounted == ()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("dtype", [torch.qint8, torch.float16])
@pytest.mark.parametrize("make", [
    lambda: nn.LSTM(8, 6, 2, batch_first=True, bidirectional=True),
    lambda: nn.GRU(8, 6, batch_first=True),
    lambda: nn.LSTMCell(8, 6),
    lambda: nn.GRUCell(8, 6),
])  # fmt: skip
def test_a_quantized_recurrent_layer_is_counted_as_the_plain_one(make, dtype):
    plain = nn.Sequential(make())
    x = torch.ones(2, 8) if "Cell" in type(plain[0]).__name__ else torch.ones(2, 5, 8)
    quantized = torch.ao.quantization.quantize_dynamic(plain, {type(plain[0])}, dtype=dtype)
    found, expected = archlab.audit(quantized, x), archlab.audit(plain, x)
    assert (found.params, found.macs, found.bias) == (expected.params, expected.macs, expected.bias)
    assert found.uncounted == ()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_what_cannot_be_seen_of_a_script_is_said():
    plain = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval())
    x = torch.ones(1, 3, 8, 8)
    assert archlab.audit(plain, x).notes == ()
    assert archlab.audit(torch.jit.freeze(plain), x).notes == (FROZEN,)
    assert ONEDNN in archlab.audit(torch.jit.optimize_for_inference(plain), x).notes
