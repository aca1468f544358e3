"""The domain, in plain Python: no Dagster, no torch, no network, nothing of the layers above."""
