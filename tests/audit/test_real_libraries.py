"""The libraries themselves, where they are installed: pip install 'archlab[wild]'."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.audit.build_model import build_for_real
from archlab.audit.targets import find_targets

HINT = "{} is not installed: pip install 'archlab[wild]'"
SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
}
BART = {"d_model": 32, "vocab_size": 100, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 64}
CONFIGS = [
    {"model_type": "bert", "architectures": ["BertForSequenceClassification"], **SMALL},
    {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_key_value_heads": 2, **SMALL},
    {"model_type": "bart", "architectures": ["BartModel"], **BART},
    {"model_type": "vit", "architectures": ["ViTModel"], "image_size": 64, **SMALL},
    {"model_type": "wav2vec2", "architectures": ["Wav2Vec2Model"], "num_conv_pos_embeddings": 16, **SMALL},
]
UNET = {
    "_class_name": "UNet2DModel",
    "sample_size": 16,
    "block_out_channels": [32, 64],
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "norm_num_groups": 8,
}


def checked(text):
    """The audit of a target, whose MACs are half of what FlopCounterMode counts on the same call."""
    (audit,) = run_audits(Request(targets=(text,))).audits
    (target,) = find_targets(text)
    model = build_for_real(target.make).eval().requires_grad_(False)
    args, kwargs = target.inputs(model, 1).make("cpu")
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as flops,
    ):
        model(*args, **kwargs)
    assert audit.macs == flops.get_total_flops() / 2
    assert audit.params == sum(p.numel() for p in model.parameters())
    assert audit.device == "meta"


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["model_type"])
def test_transformers(tmp_path, config):
    pytest.importorskip("transformers", reason=HINT.format("transformers"))
    (tmp_path / "config.json").write_text(json.dumps(config))
    checked(f"hf:{tmp_path}")


def test_diffusers(tmp_path):
    pytest.importorskip("diffusers", reason=HINT.format("diffusers"))
    (tmp_path / "config.json").write_text(json.dumps(UNET))
    checked(f"diffusers:{tmp_path}")


@pytest.mark.parametrize(("name", "params"), [("yolo11n.yaml", 2_624_080), ("yolo11n-cls.yaml", 2_812_104)])
def test_ultralytics(name, params):
    pytest.importorskip("ultralytics", reason=HINT.format("ultralytics"))
    (audit,) = run_audits(Request(targets=(f"ultralytics:{name}",))).audits
    assert audit.params == params
