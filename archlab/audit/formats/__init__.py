"""An audit for its readers: terminal, CSV, JSON and HTML."""
