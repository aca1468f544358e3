"""What became of pods, told from what the Kubernetes API says of them: plain dicts, no client."""
