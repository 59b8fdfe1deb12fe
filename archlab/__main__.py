"""``python -m archlab`` is ``archlab``."""

from archlab.cli import main

main()
