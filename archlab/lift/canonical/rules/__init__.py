"""Rules from operators of PyTorch to operators of the language, one function each; ``table`` says which."""
