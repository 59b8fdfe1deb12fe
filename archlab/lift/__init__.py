"""Lift: any existing network to readable text, and back."""
