"""`osft-assets doctor`: whether this machine, or a cluster, can train, and what to do when not."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from osft_assets.code_location import definitions
from osft_assets.core import cluster_diagnosis, diagnosis, train_job_diagnosis
from osft_assets.core.diagnosis import Finding
from osft_assets.core.errors import OsftError
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.pipeline_facts import PipelineFacts, pipeline_facts
from resources import diagnosis_probes as probes
from resources.cluster_api import connect
from resources.cluster_probes import ClusterProbe
from resources.library_versions import installed_versions

_PATIENCE = {"retries": 0, "timeout": 3.0}  # of a look, not of a run


@click.command()
@click.option("--cluster", is_flag=True, help="Look at a Kubernetes cluster instead.")
@click.option("--namespace", default="", help="Of the cluster. Default: the kubeconfig's, or osft.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(cluster: bool, namespace: str, as_json: bool) -> None:
    """Look at everything a run needs: libraries, GPU, disk, settings, registries, pipelines.

    With --cluster: the API, permissions, the workspace's claim, secrets by name, GPUs, images,
    Kubeflow Trainer and the registry, as deployment/ makes them. Exits with 1 when something fails
    that training needs. No token is shown.
    """
    if namespace and not cluster:
        raise click.UsageError("--namespace is of a cluster. Add --cluster")
    what = "cluster" if cluster else "machine"
    findings = []
    for finding in _cluster_findings(namespace) if cluster else _findings():
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        click.echo(json.dumps(diagnosis.as_json(findings), indent=2))
    elif diagnosis.can_train(findings):
        click.echo(f"\nThis {what} can train.")
    else:
        click.echo(f"\nThis {what} cannot train yet: see FAIL above.")
    sys.exit(0 if diagnosis.can_train(findings) else 1)


def _show(finding: Finding) -> None:
    click.echo(f"  {finding.verdict:<6} {finding.name}: {finding.found}")
    if finding.verdict != "ok" and finding.remedy:
        click.echo(f"         -> {finding.remedy}")


def _findings() -> Iterator[Finding]:
    yield _ourselves()
    yield diagnosis.judge_python(sys.version_info[:3])
    torch = probes.find_torch()
    yield diagnosis.judge_torch(torch)
    yield from diagnosis.judge_accelerators(probes.find_accelerators(), bool(torch.gpus))
    needed, wanted = probes.find_pins("train"), probes.find_pins("eval")
    pins = {name: pin for name, pin in {**wanted, **needed}.items() if name != "torch"}
    yield from diagnosis.judge_versions(installed_versions(list(pins)), pins, list(needed))
    yield diagnosis.judge_shared_memory(probes.shared_memory_bytes(), bool(torch.gpus))
    yield diagnosis.judge_dagster_home(*probes.read_dagster_home())
    yield from diagnosis.judge_tokens(
        {name: bool(os.environ.get(name)) for name in diagnosis.TOKENS}
    )
    yield from _pipelines()


def _cluster_findings(namespace: str) -> Iterator[Finding]:
    try:
        api, reached = connect(namespace)
    except ImportError:
        remedy = "pip install 'osft-assets[kubernetes]'"
        yield Finding("cluster", "FAIL", "the Kubernetes client is not installed", remedy)
        return
    yield cluster_diagnosis.judge_cluster(reached)
    if api:
        yield from _looked_at(ClusterProbe(api, reached.namespace), reached.whom)


def _looked_at(probe: ClusterProbe, whom: str) -> Iterator[Finding]:
    yield cluster_diagnosis.judge_namespace(probe.namespace, probe.find_namespace())
    missing, problem = probe.missing_rights()
    yield cluster_diagnosis.judge_rights(missing, whom, problem)
    yield cluster_diagnosis.judge_claim(probe.find_claim())
    for name in cluster_diagnosis.SECRETS:
        yield cluster_diagnosis.judge_secret(name, probe.find_secret(name))
    yield cluster_diagnosis.judge_gpus(probe.find_gpus())
    code_server = probe.find_pods("component=user-deployments")
    yield from cluster_diagnosis.judge_code_server(code_server)
    yield from _train_jobs(probe, whom, code_server.environment)
    registry = probe.find_pods("app.kubernetes.io/name=osft-registry")
    yield cluster_diagnosis.judge_registry_pods(registry)


def _train_jobs(
    probe: ClusterProbe, whom: str, environment: Mapping[str, str]
) -> Iterator[Finding]:
    trainer = probe.find_trainer()
    yield train_job_diagnosis.judge_trainer(trainer)
    if trainer.is_there:
        runtime = environment.get("OSFT_TRAIN_RUNTIME") or TrainJobPlace.runtime
        yield train_job_diagnosis.judge_runtime(runtime, probe.find_runtime(runtime))
        missing, problem = probe.missing_rights(train_job_diagnosis.TRAIN_JOB_RIGHTS)
        yield train_job_diagnosis.judge_train_job_rights(missing, whom, problem)


def _ourselves() -> Finding:
    names = ("osft-assets", "dagster", "dagster-webserver", "model-registry")
    try:
        told = ", ".join(f"{name} {version(name)}" for name in names)
    except PackageNotFoundError as missing:
        remedy = "pip install osft-assets"
        return Finding("versions", "warn", f"{missing.name} is not installed as a package", remedy)
    return Finding("versions", "ok", told)


def _pipelines() -> Iterator[Finding]:
    """What only shows once the code location is loaded."""
    try:
        location = definitions()
    except click.ClickException as problem:
        yield Finding("pipelines", "FAIL", problem.message, "Mend the file")
        return
    yield from diagnosis.judge_workspace(probes.try_place(location.workspace().root))
    found = pipeline_facts(location.defs)
    yield Finding("pipelines", "ok", ", ".join(one.name for one in found) or "none")
    for one in found:
        if not one.data_uri:
            remedy = f"Set attributes.dataset.data_uri of {one.name} before you run it"
            yield Finding(f"data of {one.name}", "warn", "not set", remedy)
    for one in {facts.registry.address: facts for facts in found}.values():
        yield _registry(one, location.registry())


def _registry(facts: PipelineFacts, registries: Any) -> Finding:
    place = facts.registry.server
    recipe: RegistryRecipe = facts.registry.model_copy(update=_PATIENCE)
    if recipe.skip:
        return Finding(f"registry of {facts.name}", "ok", "skipped")
    if facts.registry.server is None:  # read as a file: its client takes seconds to import
        return diagnosis.judge_local_registry(*probes.try_local_registry(registries.local_path))
    try:
        known = registries.read(recipe, facts.model)
    except OsftError as problem:
        remedy = f"See registry: of {facts.name}; training works, registering would not"
        return Finding(f"registry: {place}", "warn", str(problem), remedy)
    many = len(known.versions) if known else 0
    return Finding(f"registry: {place}", "ok", f"answers; {many} version(s) of {facts.model}")
