"""How the outside world is reached: one adapter per file, each behind a port of
`osft_assets.core.ports`.

Heavy libraries (datasets, s3fs, later torch and lm-eval) are imported inside functions here, and
nowhere else.
"""
