"""The chain from a Python session, a script or a notebook: `FineTuning`, and what its steps give.

The same assets, checks and records as in the UI, run in this process; docs/python.md tells how.
Importing this loads the code location, and nothing heavy.
"""

from osft_assets.session.answers import Answers
from osft_assets.session.checkpoint import Checkpoint
from osft_assets.session.data import Data
from osft_assets.session.entry import Entry
from osft_assets.session.fine_tuning import FineTuning
from osft_assets.session.report import Report

__all__ = ["Answers", "Checkpoint", "Data", "Entry", "FineTuning", "Report"]
