"""The commands of `osft-assets`, one a file; `osft_assets.cli` puts them together."""
