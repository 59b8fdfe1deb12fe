"""The canonical form: what a trace computes, as steps of the language's operators."""
