"""What is produced: the assets of a fine-tuning pipeline, from dataset to registry entry.

The one rule of the layers: core knows nothing; resources and assets know core but not each other;
definitions introduces them. `docs/architecture.md` draws it. Importing this package has no side
effects.
"""
