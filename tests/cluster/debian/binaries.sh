#!/bin/bash
# Makes the programs of a cluster: Kubernetes' servers from Debian's own source package, the rest unpacked
# from Debian's packages. Installs nothing but the compiler and its kin; starts nothing (`up.sh` does).
#
# Debian has Kubernetes' client as a package, and of the servers only the source. Kept in the cache: a second
# run returns at once. Measured on 2 busy cores: 17 minutes, 12 of them CPU time.
set -euo pipefail
# shellcheck source=tests/cluster/debian/settings.sh
source "$(dirname "$0")/settings.sh"

# Kept away from apt-get install: their packages would start daemons and bring a kubectl over yours.
UNPACKED=(kubernetes-client etcd-server containerd runc containernetworking-plugins)
INSTALLED=(golang-1.19-go golang-github-modern-go-reflect2-dev dpkg-dev debootstrap python3-venv
    iptables iproute2 openssl curl dnsmasq-base ca-certificates)
SERVERS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)

main() {
    needs_debian_and_root
    find_binaries
    if [ -d "$binaries" ]; then return; fi
    say "apt: compiler, network tools, debootstrap"
    apt-get update -qq
    find_binaries
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${INSTALLED[@]}" >/dev/null
    scratch=$cache/building
    rm -rf "$scratch" && mkdir -p "$scratch/made/usr/bin"
    unpack_packages
    fetch_source
    prepare_source
    say "building ${SERVERS[*]}: several minutes"
    build_servers
    rm -rf "$binaries" && mv "$scratch/made" "$binaries" # last, and at once: half a build is none
    rm -rf "$scratch"
    say "kept in $binaries"
}

unpack_packages() {
    mkdir "$scratch/packages" && cd "$scratch/packages"
    apt-get download -qq -o APT::Sandbox::User=root "${UNPACKED[@]}"
    for package in ./*.deb; do dpkg-deb --extract "$package" "$scratch/made"; done
}

# The machine's own entries for Debian, whichever of the two formats they are in, as entries for source. They
# go to a private place: the machine's lists stay as they are.
fetch_source() {
    say "source of Kubernetes $package_version"
    mkdir -p "$scratch"/apt/{lists/partial,archives/partial,parts}
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    apt-get indextargets --format "\$(ORIGIN) deb-src [signed-by=$keyring] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
        'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u >"$scratch/apt/parts/debian.list"
    local private=(-o "Dir::Etc::sourceparts=$scratch/apt/parts" -o Dir::Etc::sourcelist=/dev/null
        -o "Dir::State::lists=$scratch/apt/lists" -o "Dir::Cache=$scratch/apt" -o APT::Sandbox::User=root)
    apt-get "${private[@]}" update -qq
    cd "$scratch"
    apt-get "${private[@]}" source -qq --download-only "kubernetes=$package_version"
}

prepare_source() {
    source_tree=$scratch/gopath/src/k8s.io/kubernetes
    mkdir -p "$source_tree" && cd "$source_tree"
    tar -xzf "$scratch"/kubernetes_*.orig.tar.gz --strip-components=1
    tar -xJf "$scratch"/kubernetes_*.debian.tar.xz
    local patch
    while read -r patch; do patch -p1 --silent <"debian/patches/$patch"; done <debian/patches/series
    # Its reflect2 1.0.1 crashes when built with Go 1.18 or later; Debian's own 1.0.2 does not.
    local reflect2=vendor/github.com/modern-go/reflect2
    rm -rf "${reflect2:?}"/*
    cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} $reflect2/
    rm -f $reflect2/*_test.go
    mkdir cmd/pause
    cp "$here/pause.go" cmd/pause/main.go
}

build_servers() {
    export PATH=/usr/lib/go-1.19/bin:$PATH GO111MODULE=off GOPROXY=off CGO_ENABLED=0
    export GOPATH=$scratch/gopath GOCACHE=$scratch/gocache
    generate_openapi
    local version=${package_version##*really} flags="-s -w" package
    version=${version%%-*}
    for package in component-base/version client-go/pkg/version; do
        flags+=" -X k8s.io/kubernetes/vendor/k8s.io/$package.gitVersion=v$version"
        flags+=" -X k8s.io/kubernetes/vendor/k8s.io/$package.gitMajor=1"
        flags+=" -X k8s.io/kubernetes/vendor/k8s.io/$package.gitMinor=$(cut -d. -f2 <<<"$version")"
    done
    nice go build -ldflags "$flags" -o "$scratch/made/usr/bin/" \
        "${SERVERS[@]/#/k8s.io/kubernetes/cmd/}" k8s.io/kubernetes/cmd/pause
}

# The one generated file that the source does not carry. The folders are those that Kubernetes' own makefile
# finds, in its order.
generate_openapi() {
    local vendor=k8s.io/kubernetes/vendor/k8s.io folders
    go build -o "$scratch/openapi-gen" $vendor/kube-openapi/cmd/openapi-gen
    folders=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg staging/src plugin cmd |
        grep -vE '/(sample-|code-generator|kube-aggregator/pkg/generated|_examples)' |
        xargs -n1 dirname | LC_ALL=C sort -u |
        sed -e 's,^staging/src/,k8s.io/kubernetes/vendor/,' -e 's,^\(pkg\|plugin\|cmd\),k8s.io/kubernetes/\1,' |
        paste -sd,)
    "$scratch/openapi-gen" --go-header-file hack/boilerplate/boilerplate.generatego.txt \
        -i "$folders,$vendor/client-go/pkg/version" -p k8s.io/kubernetes/pkg/generated/openapi \
        -O zz_generated.openapi --output-base "$GOPATH/src" -r "$scratch/violations" 2>"$scratch/openapi.log" ||
        give_up "openapi-gen failed; see $scratch/openapi.log"
}

main
