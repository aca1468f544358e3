"""The demo: what it trains on and asks (`model`, `skills`, `rows`), how (`ways`, `lanes`, `run`),
and what it shows of it (`outcome`, `tables`).

Its pipelines are those of `osft_assets/defs/demo`; its command is `osft_assets.commands.demo`.
"""
