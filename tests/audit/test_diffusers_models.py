"""Configurations of diffusers: the class that each names, and what the common ones are called with."""

from __future__ import annotations

import json
import sys

import pytest

from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.audit.targets import find_targets
from archlab.errors import InputError
from tests.audit import stand_ins


@pytest.fixture
def save(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", stand_ins.diffusers())

    def save(name="config.json", **data):
        (tmp_path / name).write_text(json.dumps(data))
        return f"diffusers:{tmp_path}/{name}"

    return save


def shapes(value):
    return {k: shapes(v) if isinstance(v, dict) else tuple(v.shape) for k, v in value.items()}


@pytest.mark.parametrize(
    ("name", "config", "called"),
    [
        ("UNet2DModel", {"sample_size": [8, 16], "in_channels": 3}, {"sample": (2, 3, 8, 16), "timestep": (2,)}),
        (
            "UNet2DConditionModel",
            {
                "sample_size": 16,
                "in_channels": 4,
                "cross_attention_dim": 32,
                "addition_embed_type": "text_time",
                "projection_class_embeddings_input_dim": 2816,
                "addition_time_embed_dim": 256,
            },
            {
                "sample": (2, 4, 16, 16),
                "timestep": (2,),
                "encoder_hidden_states": (2, 77, 32),
                "added_cond_kwargs": {"text_embeds": (2, 1280), "time_ids": (2, 6)},
            },
        ),
        ("AutoencoderKL", {"in_channels": 3}, {"sample": (2, 3, 512, 512)}),
        (
            "SD3Transformer2DModel",
            {"sample_size": 8, "in_channels": 16, "joint_attention_dim": 32, "pooled_projection_dim": 24},
            {
                "hidden_states": (2, 16, 8, 8),
                "encoder_hidden_states": (2, 77, 32),
                "pooled_projections": (2, 24),
                "timestep": (2,),
            },
        ),
    ],
)
def test_a_class_is_built_from_its_configuration_and_called_by_its_kind(save, name, config, called):
    (target,) = find_targets(save(_class_name=name, **config))
    model = target.make()
    assert type(model).__name__ == name
    assert shapes(target.inputs(model, 2).kwargs) == called


def test_a_class_without_known_inputs_asks_for_them(save):
    (failure,) = run_audits(Request(targets=(save(_class_name="Rare"),))).failures
    assert "--input" in failure.reason


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"_class_name": "UNet2DModl"}, "did you mean UNet2DModel"),
        ({"_class_name": ["code", "Net"]}, "diffusers has no model"),
        ({"_class_name": "Scheduler"}, "Scheduler of diffusers is no torch module"),
        ({"_class_name": "Rare", "auto_map": {}}, "has an auto_map"),
    ],
)
def test_what_is_no_model_is_refused(save, data, message):
    with pytest.raises(InputError) as refused:
        find_targets(save(**data))
    assert message in str(refused.value)


def test_a_pipeline_is_refused_with_what_to_name_instead(save, tmp_path):
    save("model_index.json")
    with pytest.raises(InputError, match="pipeline of several models") as refused:
        find_targets(f"diffusers:{tmp_path}")
    assert "unet" in refused.value.hint
