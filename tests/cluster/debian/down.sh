#!/bin/bash
# Takes the cluster down and everything it changed on this machine: processes, mounts, network, rules, kernel
# settings. What was built or imported stays in the cache. Does no harm where nothing runs.
set -euo pipefail
# shellcheck source=tests/cluster/debian/settings.sh
source "$(dirname "$0")/settings.sh"

main() {
    [ -d "$state" ] || return 0
    find_binaries
    stop kubelet service-names dnsmasq kube-proxy kube-scheduler kube-controller-manager kube-apiserver
    remove_containers
    stop containerd etcd
    unmount
    remove_network
    if [ -f "$state/sysctl.before" ]; then sysctl -q -p "$state/sysctl.before"; fi
    rm -rf "$state"
    say "down; the cache $cache stays"
}

# A number may belong to another process after a reboot: ours name the cache on their command line.
is_ours() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF "$cache/"; }

stop() {
    local name pid
    for name in "$@"; do
        pid=$(cat "$state/pids/$name" 2>/dev/null) || continue
        is_ours "$pid" || continue
        kill -- "-$pid" 2>/dev/null || true # a session of its own each: with all that it started
        for _ in {1..50}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$pid" 2>/dev/null || true
    done
}

remove_containers() {
    runtime() { timeout 30 ctr --address "$state/run/containerd.sock" --namespace k8s.io "$@" 2>/dev/null; }
    runtime version >/dev/null || return 0
    local name
    for name in $(runtime tasks ls --quiet); do runtime tasks delete --force "$name" >/dev/null || true; done
    for name in $(runtime containers ls --quiet); do
        runtime containers info "$name" | grep -o '/netns/cni-[^"]*' >>"$state/run/netns" || true
        runtime containers delete "$name" >/dev/null || true
    done
}

unmount() {
    # Deepest first.
    awk '{print $2}' /proc/mounts | grep -F "$state/" | sort -r | xargs -r -n1 umount --lazy
    find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} \; 2>/dev/null || true
}

remove_network() {
    local command table
    if [ -f "$state/run/netns" ]; then
        sort -u "$state/run/netns" | xargs -n1 basename | xargs -r -n1 ip netns delete || true
    fi
    ip link delete "$bridge" 2>/dev/null || true
    { iptables -t nat -S PREROUTING | grep -F -- "-i $bridge " || true; } | sed 's/^-A/-D/' | delete_rules iptables nat
    for command in iptables ip6tables; do
        for table in nat filter mangle; do remove_chains $command $table; done
    done
}

# What the kubelet and kube-proxy leave in a table.
remove_chains() { # COMMAND TABLE
    local rules chain chains
    rules=$("$1" -t "$2" -S 2>/dev/null || true)
    sed -nE 's/^-A (.*-j KUBE-)/-D \1/p' <<<"$rules" | delete_rules "$1" "$2"
    chains=$(sed -nE 's/^-N (KUBE-.*)/\1/p' <<<"$rules")
    for chain in $chains; do "$1" -t "$2" -F "$chain"; done
    for chain in $chains; do "$1" -t "$2" -X "$chain"; done
}

# iptables prints its rules quoted for a shell.
delete_rules() {
    local rule
    while read -r rule; do eval "$1 -t $2 $rule" 2>/dev/null || true; done
}

main
