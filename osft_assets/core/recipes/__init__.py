"""Every knob, once: name, type, range, default, unit and reason.

One file per stage. YAML attributes, launchpad fields, the documentation and the trainer's arguments
are all derived from these classes; there is no second list. Names are Training Hub's own where it
has one, else the old pipelines'.
"""
