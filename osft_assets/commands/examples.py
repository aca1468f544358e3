"""The examples that `--help` of each command ends with. All of them with words: docs/cli.md."""

_EXAMPLES = {
    "demo": ("demo",),
    "doctor": ("doctor", """doctor --json | jq '.findings[] | select(.verdict != "ok")'"""),
    "new": (
        "new support_chats --data-uri s3://bucket/chats/",
        "new week_2 --start-from week_1 --data-uri hf://org/rows --schedule '0 6 * * 1'",
    ),
    "list": ("list", "list --json | jq -r '.[].name'"),
    "run": ("run osft", "run osft --set train.num_epochs=2", "run osft --json > result.json"),
    "run-config": ("run-config old_parameters.yaml",),
    "register": ("register osft", "register osft --force 'they wait'"),
    "promote": ("promote osft", "promote osft 1.0.1 --reason 'better on sql'"),
    "rollback": ("rollback osft --reason 'worse on sql'",),
    "history": ("history osft", "history osft --json"),
    "registry": ("registry serve --port 8080",),
    "prune": ("prune", "prune osft --keep 1 --delete"),
}


def examples_of(command: str) -> str | None:
    """As click shows them, line by line; None when there are none."""
    lines = [f"  osft-assets {line}" for line in _EXAMPLES.get(command, ())]
    return "\n".join(["\b", "Examples:", *lines]) if lines else None
