#!/bin/bash
# Brings up a Kubernetes of one node: etcd, API server, controllers, scheduler, containerd, kubelet, service
# addresses and names. Where it runs already, it returns at once. No systemd, no registry, no engine.
#
# The API listens on 127.0.0.1; pods reach it at its service address through one rule. Nothing is opened to
# the network. Pods reach one another and services, and nothing outside. NetworkPolicy is accepted and not
# enforced: a plain bridge cannot. Ends with a kubeconfig at $state/admin.kubeconfig; `down.sh` takes it down.
set -euo pipefail
# shellcheck source=tests/cluster/debian/settings.sh
source "$(dirname "$0")/settings.sh"
# shellcheck source=tests/cluster/debian/certificates.sh
source "$here/certificates.sh"
# shellcheck source=tests/cluster/debian/node_files.sh
source "$here/node_files.sh"

GPUS=1 # to ask for; there is none behind it

main() {
    needs_debian_and_root
    find_binaries
    [ -d "$binaries" ] || give_up "No programs in $binaries. Run tests/cluster/debian/binaries.sh first."
    export KUBECONFIG=$kubeconfig
    if is_running; then
        say "already up: KUBECONFIG=$kubeconfig"
        return
    fi
    "$here/down.sh" # what a crash or a reboot left
    mkdir -p "$state"/{run,logs,pids,etcd,kubelet,names}
    make_certificates
    start_bridge
    start_control_plane
    start_container_runtime
    start_services
    start_kubelet
    say "ready: KUBECONFIG=$kubeconfig"
}

is_running() {
    local pid_file
    [ -s "$state/ready" ] && kubectl get --raw /readyz >/dev/null 2>&1 || return 1
    for pid_file in "$state"/pids/*; do kill -0 "$(<"$pid_file")" 2>/dev/null || return 1; done
}

start() { # NAME COMMAND...
    local name=$1
    shift
    setsid nohup "$@" >"$state/logs/$name.log" 2>&1 </dev/null &
    echo $! >"$state/pids/$name"
}

wait_for() { # NAME COMMAND...; the log of NAME tells why it did not come
    local name=$1 deadline=$(($(date +%s) + 180))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt $deadline ] || give_up "'$*' did not succeed within 3 minutes. See $state/logs/$name.log"
        sleep 0.3
    done
}

# Pods and kubelet meet on it. Settings of the kernel that the kubelet or we change are noted for down.sh.
start_bridge() {
    local setting
    for setting in vm.overcommit_memory kernel.panic kernel.panic_on_oops net.ipv4.ip_forward; do
        echo "$setting=$(sysctl -n $setting)"
    done >"$state/sysctl.before"
    ip link add $bridge type bridge
    ip addr add $pod_network.1/24 dev $bridge
    ip link set $bridge up
    sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.$bridge.route_localnet=1
    iptables -t nat -A PREROUTING -i $bridge -d $service_network.1 -p tcp --dport 443 \
        -j DNAT --to-destination 127.0.0.1:$api_port
}

start_control_plane() {
    local etcd=http://127.0.0.1:12379 pki=$state/pki
    # Nothing in it outlives down.sh, so it need not wait for the disk.
    start etcd etcd --name $node --data-dir "$state/etcd" --unsafe-no-fsync --listen-client-urls $etcd \
        --advertise-client-urls $etcd --listen-peer-urls http://127.0.0.1:12380 \
        --initial-advertise-peer-urls http://127.0.0.1:12380 --initial-cluster $node=http://127.0.0.1:12380
    start kube-apiserver kube-apiserver --etcd-servers=$etcd --bind-address=127.0.0.1 --secure-port=$api_port \
        --advertise-address=$pod_network.1 --endpoint-reconciler-type=none \
        --service-cluster-ip-range=$service_network.0/24 --authorization-mode=Node,RBAC --allow-privileged=true \
        --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" \
        --tls-private-key-file="$pki/apiserver.key" --service-account-issuer=https://kubernetes.default.svc \
        --service-account-key-file="$pki/service-accounts.pub" \
        --service-account-signing-key-file="$pki/service-accounts.key" \
        --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
        --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP
    wait_for kube-apiserver kubectl get --raw /readyz
    say "API server"
    local config=$state/controller-manager.kubeconfig
    start kube-controller-manager kube-controller-manager --kubeconfig="$config" --bind-address=127.0.0.1 \
        --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" --secure-port=20257 \
        --leader-elect=false --use-service-account-credentials=true --root-ca-file="$pki/ca.crt" \
        --pvclaimbinder-sync-period=2s \
        --service-account-private-key-file="$pki/service-accounts.key"
    config=$state/scheduler.kubeconfig
    start kube-scheduler kube-scheduler --kubeconfig="$config" --authentication-kubeconfig="$config" \
        --authorization-kubeconfig="$config" --bind-address=127.0.0.1 --secure-port=20259 --leader-elect=false
}

start_container_runtime() {
    write_containerd_settings
    write_pod_network
    start containerd containerd --config "$state/containerd.toml"
    wait_for containerd runtime images ls
    install -D "$binaries/usr/bin/pause" "$state/pause/pause"
    python3 "$here/write_image.py" "$state/pause.tar" localhost/pause:1 --command /pause --layer "$state/pause"
    runtime images import "$state/pause.tar" >/dev/null
    say "container runtime"
}

# Replies between two pods of one bridge would not pass the rules that changed the address: hence masquerade-all.
start_services() {
    start kube-proxy kube-proxy --kubeconfig="$state/proxy.kubeconfig" --proxy-mode=iptables --masquerade-all \
        --cluster-cidr=$pod_network.0/24 --hostname-override=$node --healthz-bind-address=127.0.0.1:20256 \
        --metrics-bind-address=127.0.0.1:20255 --conntrack-max-per-core=0 \
        --conntrack-tcp-timeout-established=0s --conntrack-tcp-timeout-close-wait=0s
    touch "$state/names/hosts"
    start dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root \
        --addn-hosts="$state/names/hosts" --listen-address=$pod_network.1 --bind-interfaces \
        --local=/cluster.local/ --pid-file="$state/names/dnsmasq.pid"
    start service-names "$here/service_names.sh" "$state/names/hosts" "$state/pids/dnsmasq"
}

start_kubelet() {
    write_kubelet_settings
    start kubelet kubelet --config="$state/kubelet.yaml" --kubeconfig="$state/kubelet.kubeconfig" \
        --root-dir="$state/kubelet" --hostname-override=$node --node-ip=$pod_network.1 --fail-swap-on=false \
        --container-runtime=remote --container-runtime-endpoint="unix://$state/run/containerd.sock"
    wait_for kubelet kubectl get node $node
    wait_for kubelet kubectl wait --for=condition=Ready "node/$node" --timeout=60s
    local capacity=/status/capacity/nvidia.com~1gpu
    curl --silent --fail --output "$state/logs/gpus.json" --cacert "$state/pki/ca.crt" --cert "$state/pki/admin.crt" \
        --key "$state/pki/admin.key" --request PATCH --header 'Content-Type: application/json-patch+json' \
        --data "[{\"op\": \"add\", \"path\": \"$capacity\", \"value\": \"$GPUS\"}]" \
        "https://127.0.0.1:$api_port/api/v1/nodes/$node/status"
    wait_for kube-controller-manager kubectl --namespace default get serviceaccount default
    echo "$node" >"$state/ready"
}

main
