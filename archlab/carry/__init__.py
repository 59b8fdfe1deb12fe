"""Weights of a trained network in a smaller one."""

from archlab.carry.carry import Carried, CarriedLayer, carry

__all__ = ["Carried", "CarriedLayer", "carry"]
