"""Timed comparisons with peers, and their recorded results."""
