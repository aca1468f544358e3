"""Steps as pods: only where OSFT_EXECUTOR is k8s, since all of it needs Kubernetes' libraries.

Begin with `executor`; `pod` builds what a step asks for, `diagnosis` says what went wrong with it.
"""
