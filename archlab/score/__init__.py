"""Scores of untrained networks: functions (module, batch, generator) to a number, in one table."""

from archlab.score.table import SCORES, Score, score

__all__ = ["SCORES", "Score", "score"]
