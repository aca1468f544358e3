# shellcheck shell=bash
# shellcheck disable=SC2154  # settings.sh is sourced before this
# The settings of containerd, of the pods' network, and of the kubelet. Sourced by up.sh.

write_containerd_settings() {
    cat >"$state/containerd.toml" <<END
version = 2
root = "$cache/containerd"
state = "$state/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp"]
[plugins."io.containerd.internal.v1.opt"]
  path = "$state/opt"
[grpc]
  address = "$state/run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true  # some containers and virtual machines lack CAP_SYS_RESOURCE
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$binaries/usr/lib/cni"
    conf_dir = "$state/cni"
END
}

write_pod_network() {
    mkdir -p "$state/cni"
    cat >"$state/cni/10-bridge.conflist" <<END
{"cniVersion": "0.4.0", "name": "osft", "plugins": [
  {"type": "bridge", "bridge": "$bridge", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$state/run/ipam",
            "ranges": [[{"subnet": "$pod_network.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
END
}

# Thresholds: the disk of whoever tests may be nearly full, and a removed image could not be fetched again.
write_kubelet_settings() {
    cat >"$state/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $pod_network.1
port: 20250
readOnlyPort: 0
healthzPort: 20248
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $state/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $state/pki/kubelet.crt
tlsPrivateKeyFile: $state/pki/kubelet.key
cgroupDriver: cgroupfs
cgroupRoot: /
enforceNodeAllocatable: [pods]
oomScoreAdj: 0
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
resolvConf: ""
volumePluginDir: $state/kubelet/plugins-exec
clusterDNS: [$pod_network.1]
clusterDomain: cluster.local
maxPods: 60
syncFrequency: 10s
END
}
