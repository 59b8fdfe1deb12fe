"""Modules of a model that are kept as they are, where the language cannot say what is in them."""
