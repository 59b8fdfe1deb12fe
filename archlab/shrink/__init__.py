"""From a trained network to a smaller trained network: searched, carried, refitted, tuned."""
