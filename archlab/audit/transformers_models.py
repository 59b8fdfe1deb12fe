"""Models of transformers from their ``config.json``: how each is built, and what each is called with by its kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from archlab.audit.input_spec import InputSpec, TensorSpec
from archlab.audit.model_config import class_named, import_library, read_config_of
from archlab.audit.no_downloads import nothing_downloaded
from archlab.errors import InputError, did_you_mean, quote

TOKENS = 128
AUDIO_SAMPLES = 16_000
IMAGE_SIZE = 224


def transformers_factory(source: str) -> Callable[[], Any]:
    """Return what builds the architecture that the configuration at ``source`` names, with random weights.

    Raises:
        InputError: it is no configuration of a model that transformers has.
    """
    data = read_config_of(source, "hf")
    library = import_library("transformers", "transformers")
    kind = data.pop("model_type", None)
    kinds = library.CONFIG_MAPPING
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError(
            f"{quote(source)}: transformers has no model_type {quote(str(kind))}",
            hint=did_you_mean(str(kind), list(kinds)) or "a diffusers model is named diffusers:FILE",
        )
    names = data.get("architectures") or [None]
    named = class_named(library, names[0], source) if names[0] is not None else None

    def make() -> Any:
        with nothing_downloaded():
            config = library.AutoConfig.for_model(kind, **data)
            _only_random(config)
            return library.AutoModel.from_config(config) if named is None else named._from_config(config)

    return make


def transformers_inputs(model: Any, batch: int) -> InputSpec | None:
    """Return what a model of transformers is called with; None where its kind is not one of those known here.

    Identifiers are real and none of them is a special one, with a mask of ones: a forward may look at both.
    """
    config, takes = model.config, inspect.signature(model.forward).parameters
    main = getattr(model, "main_input_name", "input_ids")
    if "audio_config" in vars(config) and _first(config, "audio_token_id", "audio_token_index") is None:
        return None  # sound beside words: neither its length nor its form is in the configuration
    given: dict[str, Any] = {}
    needs_words = "input_ids" in takes and takes["input_ids"].default is inspect.Parameter.empty
    if "input_ids" in takes and (main == "input_ids" or needs_words or _has_two_encoders(config)):
        given |= _text(config, takes, batch)
    among_words = bool(given) and not _has_two_encoders(config)
    if "pixel_values" in takes and not among_words and (main == "pixel_values" or _has_two_encoders(config)):
        given["pixel_values"] = _pixels(model, (batch, *_image(config)))
    if main not in given and not among_words:
        shape = _signal(config, main)
        if shape is None:
            return None
        given[main] = TensorSpec((batch, *shape))
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in takes:
        given["decoder_input_ids"] = _ids(config, batch, _length(config, "max_target_positions"))
    if "pixel_values" in takes and among_words:
        return _with_image(model, given, batch)
    return InputSpec((), given)


def _with_image(model: Any, words: dict[str, Any], batch: int) -> InputSpec:
    """Add an image to each sentence: as positions before its words where there is a token for them, else beside it.

    How many positions it fills only the model says; where it does not, or takes more than that, there is no image.
    """
    import torch

    from archlab.audit.images_among_words import WORDS_ALONE, can_be_called, positions_of_image

    config, image = model.config, _image(model.config)
    given = {**words, "pixel_values": _pixels(model, (batch, *image))}
    token = _first(config, "image_token_id", "image_token_index")
    if isinstance(token, int):
        positions = positions_of_image(model, _pixels(model, (1, *image)))
        if positions is None:
            return InputSpec((), words, WORDS_ALONE)
        given["input_ids"] = torch.cat([torch.full((batch, positions), token), words["input_ids"]], 1)
        if "attention_mask" in words:
            given["attention_mask"] = torch.ones_like(given["input_ids"])
    return InputSpec((), given) if can_be_called(model, given) else InputSpec((), words, WORDS_ALONE)


def _pixels(model: Any, shape: tuple[int, ...]) -> TensorSpec:
    """Describe images of the type that the model's weights have."""
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    return TensorSpec(shape) if weight is None else TensorSpec(shape, weight.dtype)


def _text(config: Any, takes: Any, batch: int) -> dict[str, Any]:
    import torch

    length = _length(config)
    given = {"input_ids": _ids(config, batch, length)}
    if "attention_mask" in takes:
        given["attention_mask"] = torch.ones(batch, length, dtype=torch.int64)
    return given


def _ids(config: Any, batch: int, length: int) -> Any:
    import torch

    held = list(_configs(config))
    special = {
        value
        for part in held
        for name, value in vars(part).items()
        if name.endswith(("_token_id", "_token_index")) and isinstance(value, int)
    }
    ids = torch.full((batch, length), next(i for i in range(len(special) + 1) if i not in special))
    end = _first(config, "eos_token_id")
    if isinstance(end, int) and 0 <= end < (_first(config, "vocab_size") or 0):
        ids[:, -1] = end  # where some models look for the sentence as a whole
    return ids


def _length(config: Any, *names: str) -> int:
    most = _first(config, *names, "max_position_embeddings", "n_positions", "max_seq_len")
    return min(TOKENS, most) if isinstance(most, int) and most > 0 else TOKENS


def _image(config: Any) -> tuple[int, ...]:
    size = _first(config, "image_size")
    if isinstance(size, dict):
        size = (size.get("height", IMAGE_SIZE), size.get("width", IMAGE_SIZE))
    height, width = size if isinstance(size, list | tuple) else (size, size)
    frames = _first(config, "num_frames")
    image = _first(config, "num_channels", "in_channels") or 3, height or IMAGE_SIZE, width or IMAGE_SIZE
    return (frames, *image) if isinstance(frames, int) else image


def _signal(config: Any, name: str) -> tuple[int, ...] | None:
    """Return the shape of one sound: samples, or frames of its spectrum, as the configuration says."""
    bins, positions = _first(config, "num_mel_bins"), _first(config, "max_source_positions")
    if name == "input_values":
        frames = _first(config, "max_length")
        return (frames, bins) if bins and frames else (AUDIO_SAMPLES,)
    if name == "input_features" and bins and positions:
        return bins, 2 * positions
    wide = _first(config, "feature_projection_input_dim", "input_feat_per_channel")
    if name == "input_features" and wide:
        return TOKENS, wide
    return None


def _has_two_encoders(config: Any) -> bool:
    """Whether words and images meet at the end alone, so that a call has both."""
    return (
        hasattr(config, "text_config")
        and hasattr(config, "vision_config")
        and _first(config, "image_token_id", "image_token_index") is None
    )


def _first(config: Any, *names: str) -> Any:
    """Return the first value that is there under one of these names: here, else in the configurations inside."""
    values = (getattr(part, name, None) for part in _configs(config) for name in names)
    return next((value for value in values if value is not None), None)


def _configs(config: Any) -> Iterator[Any]:
    yield config
    for value in list(vars(config).values()):
        if hasattr(value, "model_type") and hasattr(value, "__dict__"):
            yield from _configs(value)


def _only_random(config: Any) -> None:
    """Ask for no pretrained weights of a part."""
    for part in _configs(config):
        if getattr(part, "use_pretrained_backbone", False):
            part.use_pretrained_backbone = False
