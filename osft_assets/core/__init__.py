"""The domain, in plain Python: no Dagster, no torch, no network. It knows nothing of the layers
above it."""
