"""Times by module, by a clock that the modules themselves move."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.audit.formats.plots import roofline
from archlab.audit.layer_times import with_latency
from archlab.audit.roof import measure_roof
from archlab.errors import AuditError, InputError
from tests.waiting import Clock


class Slow(nn.Module):
    """Takes so many seconds of its own, before and after what is in it."""

    def __init__(self, clock, seconds, *inside):
        super().__init__()
        self.clock, self.seconds, self.runs = clock, seconds, 0
        self.inside = nn.ModuleList(inside)

    def forward(self, x):
        self.runs += 1
        x += 1  # in place: the caller's tensor is another one
        self.clock.now += self.seconds if self.runs > 1 else 9.0
        for module in self.inside:
            x = module(x)
        self.clock.now += self.seconds
        return x


def test_own_time_and_that_of_what_is_in_a_module():
    clock = Clock()
    model = Slow(clock, 0.25, Slow(clock, 1.0), Slow(clock, 0.5, Slow(clock, 2.0)))
    x = torch.ones(2, 3)
    audit = with_latency(archlab.audit(model, x), model, (x,), {}, clock=clock.perf_counter, runs=1)
    assert torch.equal(x, torch.ones(2, 3))
    times = {module.path: (module.latency, module.own_latency) for module in audit.modules}
    assert times[""] == (7.5, 0.5)
    assert times["inside.0"] == (2.0, 2.0)
    assert times["inside.1"] == (5.0, 1.0)
    assert times["inside.1.inside.0"] == (4.0, 4.0)
    assert (audit.latency.median, audit.latency.threads) == (7.5, torch.get_num_threads())


def test_a_timed_model_is_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    audit = archlab.audit(model, (2, 3, 8, 8), latency=True)
    assert audit.latency.runs >= 3
    assert all(module.latency > 0 for module in audit.modules)
    assert audit.macs == 2 * 36 * 27 * 4
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training and not module._forward_hooks for module in model.modules())
    assert archlab.audit(model, (2, 3, 8, 8)).latency is None


def test_a_model_that_is_built_without_memory_is_built_again_for_its_times(tmp_path):
    (tmp_path / "net.py").write_text("from torch import nn\n\ndef make():\n    return nn.Linear(8, 4)\n")
    request = Request(targets=(f"{tmp_path}/net.py:make",), inputs=("8",), batch=3, latency=True)
    (audit,) = run_audits(request).audits
    assert (audit.macs, audit.device) == (3 * 8 * 4, "meta")
    assert audit.latency.median > 0


def test_what_has_no_time_here_is_refused():
    with pytest.raises(InputError, match="without data cannot be measured"):
        archlab.audit(nn.Linear(8, 4, device="meta"), (1, 8), latency=True)
    model = nn.Embedding(3, 2)
    audit = archlab.audit(model, torch.zeros(1, dtype=torch.int64))
    with pytest.raises(AuditError, match="its time cannot be measured, since the real forward fails: IndexError"):
        with_latency(audit, model, (torch.full((1,), 7),), {})


def test_what_cannot_be_copied_says_so():
    class Alone(nn.Linear):
        def __deepcopy__(self, memo):
            raise TypeError("no copies")

    with pytest.raises(AuditError, match="cannot be copied: TypeError: no copies"):
        archlab.audit(Alone(8, 4), (1, 8), latency=True)


def test_the_roof_of_the_machine_is_measured_with_it_and_parts_the_roofline(tmp_path):
    ticks = iter(range(100))
    roof = measure_roof(lambda: next(ticks) / 4)  # each run takes a quarter of a second
    assert (roof.operations, roof.bytes) == (4 * 2 * 1024**3, 4 * 2 * 2**26)
    assert roof.ridge == 16
    model, x = nn.Conv2d(3, 8, 3), torch.ones(1, 3, 16, 16)
    timed, untimed = archlab.audit(model, x, latency=True), archlab.audit(model, x)
    assert untimed.roof is None
    assert timed.as_dict()["roof"]["ridge"] == timed.roof.operations / timed.roof.bytes
    assert [str(roofline(one)).count('class="limit"') for one in (timed, untimed)] == [2, 0], "wide and narrow"
    timed.to_html(tmp_path / "page.html")
    assert f"{timed.roof.ridge:.1f} operations per byte" in (tmp_path / "page.html").read_text(encoding="utf-8")
