"""A trained network from which smaller ones are made: what it is, and how much of it a draw keeps."""
