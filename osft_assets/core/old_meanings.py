"""What no longer means what it meant in the Kubeflow pipelines, and what replaces what is gone.

Which parameters there are is `core.old_parameters`. The words are for docs/kubeflow.md and for
`osft-assets run-config`.
"""

_ONLY_KUBERNETES = "Needs Kubernetes: set on one machine, it is refused."

# By place.
CHANGED = {
    "dataset.data_uri": (
        "An empty address is refused. So is one that holds a credential: give env:NAME."
    ),
    "dataset.data_split": (
        "Rows are assigned by their own content, so the share is met on average. Up to 1, which "
        "holds nothing out."
    ),
    "dataset.hf_token": "The name of the variable that holds the token, never the token itself.",
    "base_model.hf_token": "The name of the variable that holds the token, never the token itself.",
    "train.osft_memory_efficient_init": "Only true is accepted: mini-trainer always does.",
    "train.fsdp_sharding_strategy": (
        "With OSFT refused unless empty: mini-trainer has no such option, and dropped it."
    ),
    "train.unfreeze_rank_ratio": (
        "0 and 1 are refused: mini-trainer trained rank 1 at 0, and read 1 as 0.5."
    ),
    "train.data_output_dir": "Absolute paths only. Unset = beside the checkpoint.",
    "train.seed": "SFT follows it too: it was dropped, and was always 42.",
    "train.lr_scheduler": "SFT follows it too: it was dropped, and was always cosine.",
    "train.use_processed_dataset": (
        "Takes effect: such rows were refused before they reached training. SFT takes none."
    ),
    "train.backend": "Follows from the algorithm.",
    "pod.cpu": _ONLY_KUBERNETES,
    "pod.memory": _ONLY_KUBERNETES,
    "pod.labels": _ONLY_KUBERNETES,
    "pod.annotations": _ONLY_KUBERNETES,
    "pod.pull_secret": _ONLY_KUBERNETES,
    "pod.workers": (
        "More than one is a TrainJob, with OSFT_EXECUTOR=k8s or a cluster that is given. On one "
        "machine it is refused when set on purpose."
    ),
    "pod.gpu": (
        "On one machine the default trains on the CPU where there is no GPU, and more than there "
        "are, set on purpose, is refused. A pod that sees none fails."
    ),
    "pod.env_vars": "Nothing secret: what looks like it is refused. pod.env_secrets takes names.",
    "evaluate.model_args": (
        "The backend is transformers unless evaluate.backend is vllm. What only vLLM takes is "
        "refused, and dtype is evaluate.dtype."
    ),
    "registry.address": (
        "Empty = the local registry, a file in the workspace, where it meant to register nothing: "
        "registry.skip does that."
    ),
    "registry.reg_name": "The default is the name of the pipeline followed by -model.",
    "registry.reg_version": (
        "1.0.0 = the first free version from 1.0.0 on; another one that is taken is refused. A "
        "second run was reported as registered, and was not."
    ),
}
# By old name.
GONE = {
    "pvc_path": "The workspace: every path is below OSFT_WORKSPACE.",
    "output_model": "The asset checkpoint.",
    "output_metrics": "The asset training_metrics.",
    "output_loss_chart": "Metadata of the asset checkpoint.",
    "dataset": "The asset train_split, which training depends on. Set dataset.data_uri.",
    "kubernetes_config": "The settings of pod.",
    "training_algorithm": "The pipeline decides: osft or sft.",
}
