"""One forward of a model with every operator recorded, after which the model is as it was."""
