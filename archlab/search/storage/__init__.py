"""Studies in Optuna's storages: all that archlab writes there, reads there, and asks of Optuna's private names.

``README.md`` beside this file describes the protocol: who writes what into a trial, and when.
"""
