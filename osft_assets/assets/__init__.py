"""The assets, one file per stage: they call core through the ports and describe the result."""
