"""Stages: what is cheap judges every candidate, what is expensive only the best of them.

Each stage is an Optuna study of its own in the same storage. The first draws; the candidates of a later one are in its
queue, the best of the stage before first. So every stage is resumed, shared among workers and retried alike.
"""
