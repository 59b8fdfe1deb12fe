"""Weights of a trained network in a smaller one."""

from archlab.carry.carry import carry
from archlab.carry.filled import Carried, CarriedLayer
from archlab.carry.refit import Refitted, refit

__all__ = ["Carried", "CarriedLayer", "Refitted", "carry", "refit"]
