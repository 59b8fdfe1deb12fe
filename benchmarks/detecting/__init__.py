"""The parts of ``benchmarks.detection``: which score predicts the AP of a trained detector."""
