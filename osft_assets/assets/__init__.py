"""The assets, one file per stage. Thin: they call core through the ports and describe the result.
The assets, one file per stage. Thin: they call core through the ports and describe the result."""
