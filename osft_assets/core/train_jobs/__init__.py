"""Training as a TrainJob of Kubeflow Trainer: where, what is asked for, and what its states mean."""
