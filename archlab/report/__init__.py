"""Reports as offline HTML: what a search found, as data, plots, drawings and one page."""
