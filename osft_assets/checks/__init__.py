"""Claims about the assets, shown on their pages and asked before later stages run.

One file a stage; `answers` is what they share. A check only passes on what `core` judges.
"""
