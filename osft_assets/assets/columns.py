"""The columns of the tables that assets write, for the Columns section of their pages.

A test compares the names with what is written. `forgetting_report` has none: the section comes
before the metadata, and would push its verdict off the screen.
"""

import dagster as dg


def _schema(*columns: tuple[str, str, str]) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(*column) for column in columns])


ROWS = {
    "messages": _schema(
        ("messages", "list<role, content>", "The conversation, turn by turn."),
        ("unmask", "bool, optional", "Whether the user's turns are trained on, too."),
    ),
    "tokens": _schema(
        ("input_ids", "list<int>", "The tokens of the row."),
        ("labels", "list<int>", "The tokens to learn; -100 where there is nothing to."),
    ),
    "documents": _schema(("document", "string", "A text to go on training on.")),
}
STEPS = _schema(
    ("step", "int", "Optimizer steps so far."),
    ("total_steps", "int", "Steps of the whole training."),
    ("epoch", "int", "From 0."),
    ("loss", "float", "Mean of the batch; empty where no token of it counts."),
    ("learning_rate", "float", "After warm-up and decay."),
    ("grad_norm", "float", "Before clipping; empty where it is not told."),
    ("rows", "int", "Rows of the batch."),
    ("tokens", "int", "Tokens of the batch."),
    ("tokens_per_second", "float", "Throughput of the step."),
    ("peak_memory_gb", "float", "Most memory used so far, in GB."),
    ("validation_loss", "float", "On the holdout; empty where it was not measured."),
)
SCORES = _schema(
    ("name", "string", "The task as settings call it: arc_easy, holdout, skill:old."),
    ("kind", "string", "benchmark, holdout, earlier or skill."),
    ("task", "string", "The task or, in a group, its part."),
    ("metric", "string", "What was measured."),
    ("filter", "string", "How answers were read before; none: as they are."),
    ("value", "float", "The score."),
    ("stderr", "float", "Its standard error; empty where there is no formula."),
    ("n", "int", "Questions or texts."),
    ("higher_is_better", "bool", "False for losses such as bits_per_byte."),
    ("version", "string", "Of the task's definition."),
    ("shots", "int", "Examples shown before the question."),
    ("chance", "float", "What guessing scores; empty where that is not known."),
)
