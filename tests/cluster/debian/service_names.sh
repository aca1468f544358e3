#!/bin/bash
# Keeps the names of the cluster's services in a hosts file that dnsmasq answers from, as CoreDNS would.
#   service_names.sh HOSTS_FILE DNSMASQ_PID_FILE      KUBECONFIG is set; started by up.sh
#
# Services with an address only: no headless services, no names of pods, nothing outside the cluster.
set -euo pipefail
hosts=$1 dnsmasq_pid_file=$2

TEMPLATE='{{range .items}}{{if .spec.clusterIP}}{{if ne .spec.clusterIP "None"}}'
TEMPLATE+='{{.spec.clusterIP}} {{.metadata.name}}.{{.metadata.namespace}}.svc.cluster.local{{"\n"}}'
TEMPLATE+='{{end}}{{end}}{{end}}'

write_hosts() {
    kubectl get services --all-namespaces --output go-template="$TEMPLATE" >"$hosts.new"
    mv "$hosts.new" "$hosts"
    kill -HUP "$(<"$dnsmasq_pid_file")"
}

# A watch ends now and then by itself; all is read anew for each change, so none is missed.
while true; do
    kubectl get services --all-namespaces --watch --output name | while read -r _; do write_hosts; done
    sleep 1
done
