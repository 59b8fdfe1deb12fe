"""Weights of a trained network in a smaller one."""
