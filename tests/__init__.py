"""Sentences about behaviour. Fakes, no mock library; real servers on loopback where one can run."""
