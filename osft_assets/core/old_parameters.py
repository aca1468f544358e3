"""The parameters of the Kubeflow pipelines and components, and where each of them is now.

A place is a section of a pipeline's file and a setting in it, such as `train.num_epochs`. Types,
defaults and ranges are those of the recipes in `core.recipes`; what is no longer the same, and what
replaces a parameter that is gone, is `core.old_meanings`. How values are read is `core.old_values`.
"""

from dataclasses import dataclass

_IN_BOTH_PIPELINES = {
    "phase_01_dataset_man_data_uri": "dataset.data_uri",
    "phase_01_dataset_man_data_split": "dataset.data_split",
    "phase_01_dataset_opt_hf_token": "dataset.hf_token",
    "phase_01_dataset_opt_subset": "dataset.subset",
    "phase_02_train_opt_annotations": "pod.annotations",
    "phase_02_train_opt_cpu": "pod.cpu",
    "phase_02_train_opt_env_vars": "pod.env_vars",
    "phase_02_train_opt_hf_token": "base_model.hf_token",
    "phase_02_train_opt_labels": "pod.labels",
    "phase_02_train_opt_learning_rate": "train.learning_rate",
    "phase_02_train_opt_lr_scheduler": "train.lr_scheduler",
    "phase_02_train_opt_lr_warmup": "train.warmup_steps",
    "phase_02_train_opt_max_seq_len": "train.max_seq_len",
    "phase_02_train_opt_memory": "pod.memory",
    "phase_02_train_opt_num_procs": "pod.num_procs",
    "phase_02_train_opt_pull_secret": "pod.pull_secret",
    "phase_02_train_opt_save_epoch": "train.checkpoint_at_epoch",
    "phase_02_train_opt_seed": "train.seed",
    "phase_02_train_opt_use_liger": "train.use_liger",
    "phase_03_eval_opt_batch": "evaluate.batch",
    "phase_03_eval_opt_gen_kwargs": "evaluate.gen_kwargs",
    "phase_03_eval_opt_limit": "evaluate.limit",
    "phase_03_eval_opt_log_samples": "evaluate.log_samples",
    "phase_03_eval_opt_model_args": "evaluate.model_args",
    "phase_03_eval_opt_verbosity": "evaluate.verbosity",
    "phase_04_registry_man_address": "registry.address",
    "phase_04_registry_opt_description": "registry.description",
    "phase_04_registry_opt_format_name": "registry.format_name",
    "phase_04_registry_opt_format_version": "registry.format_version",
    "phase_04_registry_opt_port": "registry.port",
}
_ONLY_OSFT_PIPELINE = {
    "phase_02_train_man_train_batch": "train.effective_batch_size",
    "phase_02_train_man_train_epochs": "train.num_epochs",
    "phase_02_train_man_train_gpu": "pod.gpu",
    "phase_02_train_man_train_model": "base_model.base_model",
    "phase_02_train_man_train_tokens": "train.max_tokens_per_gpu",
    "phase_02_train_man_train_unfreeze": "train.unfreeze_rank_ratio",
    "phase_02_train_man_train_workers": "pod.workers",
    "phase_02_train_opt_lr_scheduler_kwargs": "train.lr_scheduler_kwargs",
    "phase_02_train_opt_processed_data": "train.use_processed_dataset",
    "phase_02_train_opt_save_final": "train.save_final_checkpoint",
    "phase_02_train_opt_target_patterns": "train.target_patterns",
    "phase_02_train_opt_unmask": "train.unmask_messages",
    "phase_03_eval_man_eval_tasks": "evaluate.tasks",
    "phase_04_registry_man_reg_author": "registry.reg_author",
    "phase_04_registry_man_reg_name": "registry.reg_name",
    "phase_04_registry_man_reg_version": "registry.reg_version",
}
_ONLY_SFT_PIPELINE = {
    "phase_02_train_man_batch": "train.effective_batch_size",
    "phase_02_train_man_epochs": "train.num_epochs",
    "phase_02_train_man_gpu": "pod.gpu",
    "phase_02_train_man_model": "base_model.base_model",
    "phase_02_train_man_tokens": "train.max_tokens_per_gpu",
    "phase_02_train_man_workers": "pod.workers",
    "phase_02_train_opt_fsdp_sharding": "train.fsdp_sharding_strategy",
    "phase_02_train_opt_save_full_state": "train.accelerate_full_state_at_epoch",
    "phase_02_train_opt_save_samples": "train.save_samples",
    "phase_03_eval_man_tasks": "evaluate.tasks",
    "phase_04_registry_man_author": "registry.reg_author",
    "phase_04_registry_man_name": "registry.reg_name",
    "phase_04_registry_man_version": "registry.reg_version",
}
_IN_A_COMPONENT = {
    "training_accelerate_full_state_at_epoch": "train.accelerate_full_state_at_epoch",
    "training_backend": "train.backend",
    "training_base_model": "base_model.base_model",
    "training_checkpoint_at_epoch": "train.checkpoint_at_epoch",
    "training_data_output_dir": "train.data_output_dir",
    "training_effective_batch_size": "train.effective_batch_size",
    "training_envs": "pod.env_vars",
    "training_fsdp_sharding_strategy": "train.fsdp_sharding_strategy",
    "training_learning_rate": "train.learning_rate",
    "training_lr_scheduler": "train.lr_scheduler",
    "training_lr_scheduler_kwargs": "train.lr_scheduler_kwargs",
    "training_lr_warmup_steps": "train.warmup_steps",
    "training_max_seq_len": "train.max_seq_len",
    "training_max_tokens_per_gpu": "train.max_tokens_per_gpu",
    "training_metadata_annotations": "pod.annotations",
    "training_metadata_labels": "pod.labels",
    "training_num_epochs": "train.num_epochs",
    "training_osft_memory_efficient_init": "train.osft_memory_efficient_init",
    "training_resource_cpu_per_worker": "pod.cpu",
    "training_resource_gpu_per_worker": "pod.gpu",
    "training_resource_memory_per_worker": "pod.memory",
    "training_resource_num_procs_per_worker": "pod.num_procs",
    "training_resource_num_workers": "pod.workers",
    "training_save_final_checkpoint": "train.save_final_checkpoint",
    "training_save_samples": "train.save_samples",
    "training_seed": "train.seed",
    "training_target_patterns": "train.target_patterns",
    "training_unfreeze_rank_ratio": "train.unfreeze_rank_ratio",
    "training_unmask_messages": "train.unmask_messages",
    "training_use_liger": "train.use_liger",
    "training_use_processed_dataset": "train.use_processed_dataset",
}


@dataclass(frozen=True)
class OldParameter:
    """An old name and its place."""

    name: str
    section: str
    field: str

    @property
    def place(self) -> str:
        """As the documentation writes it."""
        return f"{self.section}.{self.field}"


def _parameters(*tables: dict[str, str]) -> tuple[OldParameter, ...]:
    """What had to be given first, as the old forms sorted it."""
    places = {name: place for table in tables for name, place in table.items()}
    names = sorted(places, key=lambda name: ("_opt_" in name, name))
    return tuple(OldParameter(name, *places[name].split(".")) for name in names)


# By algorithm, which is also what the pipelines were called.
PIPELINE_PARAMETERS = {
    "osft": _parameters(_IN_BOTH_PIPELINES, _ONLY_OSFT_PIPELINE),
    "sft": _parameters(_IN_BOTH_PIPELINES, _ONLY_SFT_PIPELINE),
}
COMPONENT_PARAMETERS = _parameters(_IN_A_COMPONENT)
