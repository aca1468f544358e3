"""Training as a TrainJob of Kubeflow Trainer: where, what is asked for, what its states mean."""
