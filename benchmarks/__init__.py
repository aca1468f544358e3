"""What the project promises about speed and memory, measured. Each command prints its figures
against its targets, and exits with 1 when one is missed.

`python -m benchmarks.dataset_stage`: the dataset stage against a bare pass and against `datasets`.
`python -m benchmarks.evaluation_stage`: an evaluation against lm-eval called directly, and cached.
`python -m benchmarks.gate_error_rates`: how often the gate errs, simulated.
`python -m benchmarks.code_location`: loading the code location against importing Dagster alone.
"""
