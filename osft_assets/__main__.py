"""`python -m osft_assets` is the `osft-assets` command."""

from osft_assets.cli import main

main()
