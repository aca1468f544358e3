"""The local registry: models by name and version, in one SQLite file, over a model registry's API.

It answers what the `model-registry` client asks of `/api/model_registry/v1/`, so that registering
here and on a server is the same code. It is no Kubeflow: no users, no serving, no filterQuery, and
this machine alone can reach it. Start with `serving`; then `routes` (what can be asked), `store`
(what is kept) and `database` (how). Only `serving` may be imported from outside: the others load
starlette and the client's models.
"""
