"""What detection objectives are called, known without torch."""

DETECTION = (
    "detection",
    "short_roi",
    "roi_probe",
    "roi_fisher",
    "jitter_sensitivity",
    "localisation",
    "level_entropy",
)
"""The detection scores."""

TRAIN = "train"
"""A whole training, worth its AP."""
