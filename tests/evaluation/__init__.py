"""Evaluation with lm-eval and the demo model, in this very process: loading it takes 2 seconds."""
