"""Many workers on one study: who is alive, a storage that goes away and comes back, and starting them."""
