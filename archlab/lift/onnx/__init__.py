"""ONNX in: a file as a trace, by the names of PyTorch's operators, so that the same rules read it."""
