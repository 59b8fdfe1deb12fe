"""Other counters beside the audit: what each says of the same model, and why it differs."""
