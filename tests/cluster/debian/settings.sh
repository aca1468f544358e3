# shellcheck shell=bash disable=SC2034  # sourced: the names are for the others
# Where the cluster keeps what it has, its addresses, and how its scripts report.
#
# Sourced by every script here and does nothing by itself. All that can be chosen is OSFT_CLUSTER_CACHE;
# `tests/cluster/found.py` knows the same two paths, cache and kubeconfig.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../../.." && pwd)
cache=${OSFT_CLUSTER_CACHE:-$HOME/.cache/osft-cluster}
state=$cache/state  # what runs, and all that `down.sh` removes
kubeconfig=$state/admin.kubeconfig

node=node1
bridge=osft0
pod_network=10.89.0
service_network=10.96.0
api_port=16443  # on 127.0.0.1 only

started_at=$(date +%s)
say() { printf '%4ds  %s\n' "$(($(date +%s) - started_at))" "$*"; }
give_up() {
    printf '%s\n' "$*" >&2
    exit 1
}

needs_debian_and_root() {
    [ "$(id -u)" = 0 ] || give_up "The cluster needs root (namespaces, mounts, iptables). Be root, or set KUBECONFIG."
    grep -q '^VERSION_CODENAME=bookworm' /etc/os-release ||
        give_up "The cluster is built from Debian 12's packages, and this is not Debian 12. Set KUBECONFIG."
}

# Version of a package that apt would install, without the suffix of a binary rebuild.
candidate() { apt-cache policy "$1" | sed -n 's/^  Candidate: \([0-9].*\)$/\1/p' | sed 's/+b[0-9]*$//'; }

# Kubernetes 1.20.2 is packaged as 1.20.5+really1.20.2-1.1; one directory for each version.
find_binaries() {
    [ -n "$(candidate kubernetes-client)" ] || apt-get update -qq
    package_version=$(candidate kubernetes-client)
    [ -n "$package_version" ] || give_up "apt knows no kubernetes-client. Add Debian 12's main to its sources."
    binaries=$cache/kubernetes-$package_version
    PATH=$binaries/usr/bin:$binaries/usr/sbin:$PATH
}

runtime() { ctr --address "$state/run/containerd.sock" --namespace k8s.io "$@"; }
