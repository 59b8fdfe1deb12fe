"""The parts of ``benchmarks.detection``: which score foretells the AP of a trained detector."""
