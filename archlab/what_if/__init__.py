"""What a network would cost if it were another: rewritten, opened as a space of networks, or set with sliders."""
