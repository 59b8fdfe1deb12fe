"""archlab: model analysis and architecture search for convolutional networks and detectors."""
