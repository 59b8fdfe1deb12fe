"""Scores of untrained networks: functions (module, batch, generator) to a number, in one table.

Nothing here imports torch before a score is computed.
"""

from archlab.score.score_table import SCORES, Score, score, score_graph

__all__ = ["SCORES", "Score", "score", "score_graph"]
