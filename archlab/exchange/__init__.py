"""Networks in and out of other formats: timm's block strings, RegNet's rule, rewriting rules, and the exports."""
