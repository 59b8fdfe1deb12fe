"""Small modules with the names of libraries that are not installed where the tests run: they note what they are asked.

They stand in for the few names that archlab calls; ``test_real_libraries.py`` has the libraries themselves.
"""

from __future__ import annotations

import sys
import types

from torch import nn


class Config:
    """A configuration as transformers has them: attributes, and configurations in it."""

    def __init__(self, model_type, **values):
        self.model_type = model_type
        for name, value in values.items():
            nested = name.endswith("_config") and isinstance(value, dict)
            setattr(self, name, Config(name, **value) if nested else value)


class Pretrained(nn.Module):
    """A model as transformers has them."""

    main_input_name = "input_ids"

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.head = nn.Linear(8, 4, bias=False)

    @classmethod
    def _from_config(cls, config):
        return cls(config)


class Words(Pretrained):
    def forward(self, input_ids, attention_mask=None):
        assert attention_mask.all()
        return self.head.weight.sum() * input_ids.sum()


class Translates(Pretrained):
    def forward(self, input_ids, attention_mask=None, decoder_input_ids=None):
        return None


class Sees(Pretrained):
    main_input_name = "pixel_values"

    def forward(self, pixel_values):
        return self.head(pixel_values[..., :8])


class Both(Pretrained):
    def forward(self, input_ids, pixel_values, attention_mask=None):
        return None


class SeesAmongWords(Pretrained):
    """As LLaVA does: an image fills the positions of its token, one for each 16 by 16 pixels."""

    def get_image_features(self, pixel_values):
        patches = pixel_values.unfold(2, 16, 16).unfold(3, 16, 16).flatten(1, -2)[..., :8]
        return types.SimpleNamespace(pooler_output=list(self.head(patches[:, :: 3 * 16])))

    def forward(self, input_ids=None, pixel_values=None, attention_mask=None):
        if pixel_values is not None:
            wanted = (input_ids == self.config.image_token_id).sum()
            features = self.get_image_features(pixel_values).pooler_output
            assert wanted == sum(len(one) for one in features)
        return self.head.weight.sum() * attention_mask.sum()


class SeesBesideWords(Pretrained):
    def forward(self, input_ids, pixel_values=None, attention_mask=None):
        return self.head(pixel_values[..., :8])


class Hears(Pretrained):
    main_input_name = "input_values"

    def forward(self, input_values):
        return None


class Listens(Pretrained):
    main_input_name = "input_features"

    def forward(self, input_features, decoder_input_ids=None):
        return None


class HearsAndReads(Pretrained):
    def forward(self, input_ids, input_features):
        return None


def transformers():
    """A module with what archlab calls of transformers, and the notes of what it called."""
    library = types.ModuleType("transformers")
    library.asked = []

    def for_model(kind, **values):
        library.asked.append((kind, values))
        return Config(kind, **values)

    library.AutoConfig = types.SimpleNamespace(for_model=for_model)
    library.AutoModel = types.SimpleNamespace(from_config=Words)
    library.CONFIG_MAPPING = {"small": None}
    library.__getattr__ = _lazily
    for kind in (Words, Translates, Sees, Both, SeesAmongWords, SeesBesideWords, Hears, Listens, HearsAndReads):
        setattr(library, kind.__name__, kind)
    return library


def _lazily(name):
    """Fail as the library does where a class needs a package that is missing."""
    if name == "NeedsMore":
        raise RuntimeError("No module named 'timm'")
    raise AttributeError(name)


def diffusers():
    """A module with what archlab calls of diffusers."""
    library = types.ModuleType("diffusers")

    def made(cls, data):
        model = cls()
        model.config = types.SimpleNamespace(**data)
        return model

    for name in ("UNet2DConditionModel", "UNet2DModel", "AutoencoderKL", "SD3Transformer2DModel", "Rare"):
        setattr(library, name, type(name, (nn.Module,), {"from_config": classmethod(made)}))
    library.Scheduler = type("Scheduler", (), {})
    return library


def ultralytics(monkeypatch, folder, found):
    """Put a module with what archlab calls of ultralytics among the modules; its own yaml is ``yolo7.yaml``."""
    own = folder / "ultralytics" / "cfg" / "models"
    own.mkdir(parents=True)
    (own / "yolo7.yaml").write_text("")
    tasks = types.ModuleType("ultralytics.nn.tasks")
    tasks.__file__ = str(folder / "ultralytics" / "nn" / "tasks.py")
    tasks.loaded, tasks.built = [], []

    def load(source):
        tasks.loaded.append(source)
        return found

    class DetectionModel(nn.Module):
        def __init__(self, cfg, verbose=True):
            super().__init__()
            tasks.built.append((cfg, verbose))
            self.yaml, self.head = cfg, nn.Conv2d(3, 4, 1, bias=False)

        def forward(self, x):
            return self.head(x)

    tasks.yaml_model_load, tasks.guess_model_task = load, lambda found: found["task"]
    tasks.DetectionModel = DetectionModel
    tasks.ClassificationModel = type("ClassificationModel", (DetectionModel,), {})
    tasks.Conv, tasks.TorchVision, tasks.load_checkpoint = nn.Conv2d, type("TorchVision", (nn.Module,), {}), print
    for name in ("ultralytics", "ultralytics.nn"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "ultralytics.nn.tasks", tasks)
    return tasks
