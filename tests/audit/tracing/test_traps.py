"""Every trap exact, none silently wrong, and every model left exactly as it was."""

from __future__ import annotations

import copy
import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_model import audit_model
from tests.audit.tracing.traps import CASES

SHARED = Path(__file__).resolve().parents[4] / "shared" / "audit_traps.py"


def shared_cases():
    if not SHARED.is_file():
        return {}
    spec = importlib.util.spec_from_file_location("audit_traps", SHARED)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.cases()


ALL = {**shared_cases(), **CASES}
LAZY = (nn.UninitializedParameter, nn.UninitializedBuffer)


def snapshot(model):
    """All that a model is: values, flags, gradients, attributes, containers, modes, hooks."""
    return {
        "tensors": {n: None if isinstance(t, LAZY) else t.clone() for n, t in model.state_dict(keep_vars=True).items()},
        "identity": {n: id(t) for n, t in (*model.named_parameters(), *model.named_buffers())},
        "flags": {n: (p.requires_grad, p.grad, p.device) for n, p in model.named_parameters()},
        "attributes": {
            n: {
                k: copy.deepcopy(v) if isinstance(v, list | dict) and not k.startswith("_") else id(v)
                for k, v in vars(m).items()
            }
            for n, m in model.named_modules()
            if not isinstance(m, torch.jit.ScriptModule)
        },
        "modes": {n: m.training for n, m in model.named_modules()},
        "hooks": {
            n: [list(v) for k, v in vars(m).items() if k.endswith("hooks")]
            for n, m in model.named_modules()
            if not isinstance(m, torch.jit.ScriptModule)
        },
    }


def assert_same(before, after):
    for name, tensor in before["tensors"].items():
        other = after["tensors"][name]
        assert (tensor is None and other is None) or torch.equal(tensor, other), name
    for part in ("identity", "flags", "attributes", "modes", "hooks"):
        assert before[part] == after[part], part


@pytest.mark.parametrize("name", ALL)
def test_a_trap_is_exact_and_the_model_is_left_as_it_was(name):
    model, args, kwargs, params, macs = ALL[name]()
    copies = copy.deepcopy((args, kwargs))
    before = snapshot(model)
    state, python, legacy = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    call, grad = nn.Module.__call__, torch.is_grad_enabled()

    audit = archlab.audit(model, *args, **kwargs)

    assert audit.params == params
    if macs is not None:
        assert audit.macs == macs
    assert audit.uncounted == ()
    assert audit.macs == sum(operator.macs for operator in audit.operators)
    assert_same(before, snapshot(model))
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == python
    assert (np.random.get_state()[1] == legacy).all()
    assert nn.Module.__call__ is call
    assert torch.is_grad_enabled() == grad
    for given, kept in zip(_tensors((args, kwargs)), _tensors(copies), strict=True):
        assert torch.equal(given, kept)


def _tensors(value):
    return [t for t in torch.utils._pytree.tree_leaves(value) if isinstance(t, torch.Tensor)]


@pytest.mark.parametrize("name", ["linear_layer", "lstm", "mha_module", "explicit_attention", "gru_bidirectional"])
def test_the_same_model_without_data_has_the_same_counts(name):
    model, args, kwargs, params, macs = ALL[name]()
    meta = torch.utils._pytree.tree_map_only(torch.Tensor, lambda t: t.to("meta"), (args, kwargs))
    audit = archlab.audit(model.to("meta"), *meta[0], **meta[1])
    assert (audit.params, audit.macs, audit.device) == (params, macs, "meta")


def test_the_shared_traps_are_there_or_said_to_be_missing():
    if not SHARED.is_file():
        pytest.skip("../shared/audit_traps.py is not there: only the traps of this folder ran")
    assert len(shared_cases()) >= 22


def test_three_tensors_in_an_einsum_are_counted_as_they_ran():
    model, args, kwargs, *_ = CASES["einsum_of_three"]()
    assert archlab.audit(model, *args, **kwargs).macs in (4 * 8 * 16 + 4 * 16 * 2, 8 * 16 * 2 + 4 * 8 * 2)


def test_a_forward_that_looks_at_values_runs_for_real_and_says_where():
    model, args, *_ = CASES["looks_at_its_values"]()
    audit = archlab.audit(model, *args)
    assert audit.device == "real"
    assert audit.reason is not None


def test_what_is_not_counted_is_listed_with_how_often_and_where():
    @torch.library.custom_op("archlab_tests::double", mutates_args=())
    def double(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    double.register_fake(torch.empty_like)

    class Twice(nn.Module):
        def forward(self, x):
            return double(double(x))

    audit = archlab.audit(nn.Sequential(Twice()), torch.ones(4, 8))
    (row,) = audit.uncounted
    assert (row.op, row.times, row.modules) == ("archlab_tests.double.default", 2, ("0",))


def test_shared_weights_are_counted_once_and_shown():
    model = nn.ModuleDict({"embed": nn.Embedding(100, 64), "head": nn.Linear(64, 100, bias=False)})
    model["head"].weight = model["embed"].weight
    model.forward = lambda ids: model["head"](model["embed"](ids))
    audit = archlab.audit(model, torch.zeros(2, 10, dtype=torch.long))
    assert audit.params == 6400
    assert [(s.names, s.params) for s in audit.shared] == [(("embed.weight", "head.weight"), 6400)]
    by = {m.path: m for m in audit.modules}
    assert (by["embed"].params, by["embed"].shared, by["head"].params) == (6400, 6400, 6400)


def test_fused_and_explicit_attention_have_the_same_macs_and_activations():
    fused = archlab.audit(CASES_SDPA(), *(torch.ones(2, 4, 64, 32),) * 3)
    explicit = archlab.audit(CASES["explicit_attention"]()[0], *(torch.ones(2, 4, 64, 32),) * 3)
    assert (fused.macs, fused.activations) == (explicit.macs, explicit.activations)


def CASES_SDPA():  # noqa: N802
    class Attention(nn.Module):
        def forward(self, q, k, v):
            return nn.functional.scaled_dot_product_attention(q, k, v)

    return Attention()


def test_a_failing_forward_names_the_module():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 5))
    with pytest.raises(archlab.ArchlabError, match="in 1"):
        archlab.audit(model, torch.ones(2, 4))


def test_training_mode_can_be_asked_for():
    model = nn.Sequential(nn.BatchNorm1d(8))
    before = copy.deepcopy(model.state_dict())
    assert audit_model(model, (torch.ones(4, 8),), training=True).norm == 5 * 32
    assert audit_model(model, (torch.ones(4, 8),)).norm == 2 * 32
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
