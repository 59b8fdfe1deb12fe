"""What holds for every score: it is deterministic, leaves the module alone, and fails with its name."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner

from archlab.cli.main import cli
from archlab.elaborate import elaborate
from archlab.errors import InputError, ScoreError
from archlab.grammar import parse
from archlab.nn.module import build
from archlab.score import SCORES, score
from tests.waiting import DEADLINE

SHAPE = (3, 16, 16)
TEXT = """
net t(input=3x16x16)
stem: conv(8, 3, s=2, act=hardswish) -> dropout(0.5)
body: inverted(8, se=0.5) -> bottleneck(16, s=2) -> shuffle_unit_v2(16) -> conv(16, norm=gn(2), act=prelu)
head: gap -> dropout(0.2) -> fc(5)
"""
BY_WIDTH = "net t(input=3x32x32, width_mult={})\na: conv(16, s=2) -> repeat(2, basic(32, s=2)) -> gap -> fc(10)"
every = pytest.mark.parametrize("name", SCORES)


def module_of(text=TEXT, seed=0):
    return build(elaborate(parse(text)).graph, seed)


@every
def test_the_seed_alone_decides_the_score(name):
    torch.manual_seed(1)
    first = score(name, module_of(), SHAPE, seed=7)
    torch.manual_seed(2)
    assert score(name, module_of(), SHAPE, seed=7) == first
    assert score(name, module_of().eval(), SHAPE, seed=7) == first


@every
def test_a_detectors_score_is_its_backbones(name):
    backbone = "net t(input=3x16x16)\nstem: conv(8, s=4)\nbody: inverted(16, s=2)\n"
    detector = module_of(f"{backbone}detect: fpn(8) -> roi_align(3, rois=5) -> box_head(8)")
    alone = module_of(backbone)
    before = {key: value.clone() for key, value in detector.state_dict().items()}
    assert score(name, detector, SHAPE, seed=0) == score(name, alone, SHAPE, seed=0)
    assert all(torch.equal(value, before[key]) for key, value in detector.state_dict().items())
    assert detector.training


@every
def test_another_number_of_threads_changes_roundings_only(name):
    before, values = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            values.append(score(name, module_of(), SHAPE, seed=0))
    finally:
        torch.set_num_threads(before)
    assert values[0] == pytest.approx(values[1], rel=1e-4)
    if name in ("score", "synflow", "entropy", "log_macs", "log_params"):
        assert values[0] == values[1]


@pytest.mark.parametrize("name", ["naswot", "grad_norm", "zen"])
def test_another_seed_is_another_batch(name):
    assert score(name, module_of(), SHAPE, seed=0) != score(name, module_of(), SHAPE, seed=1)


@every
def test_the_module_stays_as_it_was(name):
    module = module_of()
    module.body.eval()
    for i, parameter in enumerate(module.parameters()):
        parameter.grad = torch.full_like(parameter, i)
        parameter.requires_grad_(i % 2 == 0)
    state = {key: value.clone() for key, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    code, rng, threads = module.code, torch.get_rng_state(), torch.get_num_threads()

    score(name, module, SHAPE, seed=0)

    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())
    assert [part.training for part in module.modules()] == modes
    assert all(bool((p.grad == i).all()) for i, p in enumerate(module.parameters()))
    assert [p.requires_grad for p in module.parameters()] == [i % 2 == 0 for i in range(len(list(module.parameters())))]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert module.code == code
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.get_num_threads() == threads


@every
def test_frozen_weights_and_disabled_gradients_change_nothing(name):
    with torch.no_grad():
        assert score(name, module_of().requires_grad_(False), SHAPE, 0) == score(name, module_of(), SHAPE, 0)


@pytest.mark.parametrize("name", ["score", "synflow", "zen", "entropy", "log_macs", "log_params"])
def test_a_wider_network_scores_higher(name):
    values = [score(name, module_of(BY_WIDTH.format(width)), (3, 32, 32), seed=0) for width in (0.5, 1, 2, 4)]
    assert values == sorted(values)
    assert len(set(values)) == 4


@every
def test_a_backbone_that_ends_in_maps_scores_too(name):
    assert isinstance(score(name, module_of("net t(input=3x16x16)\na: conv(8) -> basic(8)"), SHAPE, 0), float)


def test_an_unknown_score_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean synflow"):
        score("sinflow", module_of(), SHAPE, 0)


@pytest.mark.parametrize("name", ["synflow", "naswot", "grad_norm"])
def test_weights_that_are_no_numbers_are_an_error_that_names_the_score(name):
    module = module_of()
    module.stem.conv.conv2d.weight.data.fill_(float("nan"))
    with pytest.raises(ScoreError, match=f"^{name}: it is nan"):
        score(name, module, SHAPE, 0)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("naswot", "net t(input=3x16x16)\na: conv2d(8)", "it is -inf, not a finite number"),
        ("score", "net t(input=3x16x16)\na: gap -> conv2d(8, 1)", "it is -inf, not a finite number"),
        ("log_macs", "net t(input=3x16x16)\na: relu", "it is -inf, not a finite number"),
        ("log_params", "net t(input=3x16x16)\na: relu", "it is -inf, not a finite number"),
        ("synflow", "net t(input=3x16x16)\na: relu", "it cannot be computed: "),
        ("zen", "net t(input=3x16x16)\na: relu -> gap -> bn", None),
    ],
)
def test_a_network_without_what_is_scored_is_an_error_that_names_the_score(name, text, message):
    if message is None:
        assert isinstance(score(name, module_of(text), SHAPE, 0), float)
        return
    with pytest.raises(ScoreError) as error:
        score(name, module_of(text), SHAPE, 0)
    assert error.value.message.startswith(f"{name}: {message}")


def test_a_batch_that_a_norm_cannot_take_is_an_error_that_names_the_score():
    text = "net t(input=3x16x16)\na: gap -> conv(8)"
    with pytest.raises(ScoreError, match=r"^grad_norm: it cannot be computed: Expected more than 1 value per channel"):
        score("grad_norm", module_of(text), SHAPE, 0, batch_size=1)


def test_an_empty_batch_is_refused():
    with pytest.raises(InputError, match="batch_size must be at least 1, not 0"):
        score("naswot", module_of(), SHAPE, 0, batch_size=0)


def test_a_module_without_its_graph_is_refused():
    module = module_of()
    del module.meta["graph"]
    with pytest.raises(ScoreError, match="does not carry its graph"):
        score("log_macs", module, SHAPE, 0)


def test_every_row_is_under_its_name_and_documented():
    for name, row in SCORES.items():
        assert row.name == name == row.function.__name__
        assert row.function.__doc__
        assert row.summary
        assert row.source
        assert row.batch_size >= 1


def test_the_command_line_names_every_score_but_the_baselines():
    shown = CliRunner().invoke(cli, ["search", "--help"]).output
    assert [name for name in SCORES if name not in shown] == [s.name for s in SCORES.values() if s.is_baseline]


def test_the_table_of_scores_is_read_without_torch():
    code = "import sys; from archlab.score import SCORES; sys.exit('torch' in sys.modules or not SCORES)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=DEADLINE).returncode == 0
