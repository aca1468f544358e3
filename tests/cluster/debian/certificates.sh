# shellcheck shell=bash
# shellcheck disable=SC2154  # settings.sh is sourced before this
# The cluster's own authority, who is who under it, and a kubeconfig for each. Sourced by up.sh.

make_certificates() {
    mkdir -p "$state/pki"
    cd "$state/pki" || return
    new_key ca
    openssl req -x509 -new -key ca.key -out ca.crt -days 365 -subj /CN=osft-test-cluster \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature
    local service=kubernetes.default.svc
    certificate apiserver /CN=kube-apiserver "IP:127.0.0.1,IP:$service_network.1,IP:$pod_network.1,\
DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:$service,DNS:$service.cluster.local"
    certificate admin /O=system:masters/CN=admin
    certificate controller-manager /CN=system:kube-controller-manager
    certificate scheduler /CN=system:kube-scheduler
    certificate proxy /CN=system:kube-proxy
    certificate kubelet-client /O=system:masters/CN=apiserver-kubelet-client
    certificate kubelet "/O=system:nodes/CN=system:node:$node" "IP:$pod_network.1,DNS:$node"
    new_key service-accounts
    openssl pkey -in service-accounts.key -pubout -out service-accounts.pub
    local who
    for who in admin controller-manager scheduler proxy kubelet; do write_kubeconfig $who; done
}

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }

certificate() { # NAME SUBJECT [ALTERNATIVE_NAMES]
    new_key "$1"
    openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -out "$1.crt" \
        -extfile <(
            echo "keyUsage=digitalSignature,keyEncipherment"
            echo "extendedKeyUsage=serverAuth,clientAuth"
            if [ "${3:-}" ]; then echo "subjectAltName=$3"; fi
        ) 2>/dev/null
}

write_kubeconfig() {
    cat >"$state/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: osft-test, cluster: {server: "https://127.0.0.1:$api_port", certificate-authority: $state/pki/ca.crt}}]
users: [{name: $1, user: {client-certificate: $state/pki/$1.crt, client-key: $state/pki/$1.key}}]
contexts: [{name: osft-test, context: {cluster: osft-test, user: $1}}]
current-context: osft-test
END
    chmod 600 "$state/$1.kubeconfig"
}
