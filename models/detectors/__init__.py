"""One detector a file; each registers itself under the `kind` that the configuration names."""
