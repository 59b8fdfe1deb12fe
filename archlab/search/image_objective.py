"""The objective ``train`` of classifiers: a training, worth the accuracy on held-out images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archlab.search.candidate import Candidate
from archlab.search.image_task import ImageTask, read_images
from archlab.search.kept_weights import keep_weights
from archlab.train.settings import BATCH, TrainSettings

if TYPE_CHECKING:
    import optuna
    from torch.fx import GraphModule

    from archlab.train.run import Look


@dataclass(frozen=True, slots=True)
class TrainClassifier:
    """Trains a candidate with the settings of ``archlab train``; its value is the share of held-out images right."""

    task: ImageTask

    def __call__(self, module: GraphModule, candidate: Candidate, trial: optuna.Trial) -> float:
        import optuna

        from archlab.train.loop import train

        training, held_out = read_images(self.task, candidate.graph.input_shape)
        plan = self.task.training
        settings = TrainSettings(
            steps=plan.steps,
            batch=BATCH if plan.batch is None else plan.batch,
            rate=plan.rate,
            seed=candidate.seed,
            device=candidate.device,
        )

        def report(look: Look) -> None:
            if 0 < look.step < plan.steps:
                trial.report(look.val_accuracy, look.step)
                if trial.should_prune():
                    raise optuna.TrialPruned(
                        f"accuracy {look.val_accuracy:.3f} after {look.step} of {plan.steps} steps"
                    )

        trained = train(module, training, held_out, settings, on_look=report)
        candidate.details["held out"] = {
            "accuracy": trained.last.accuracy,
            "standard error": trained.last.standard_error,
            "loss": trained.last.loss,
            "images": len(trained.last.labels),
        }
        candidate.details["steps"] = trained.steps
        keep_weights(trained.module, candidate, f"{self.task.digest}, {plan.key}")
        return trained.last.accuracy
