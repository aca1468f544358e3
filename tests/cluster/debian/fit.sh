#!/bin/bash
# Says, and exits with 1, why this machine cannot be a node of `make cluster`'s; silent where it can.
# Takes a second and changes nothing.
set -euo pipefail
# shellcheck source=tests/cluster/debian/settings.sh
source "$(dirname "$0")/settings.sh"

GIGABYTES=14 # of disk, the first time

needs_debian_and_root
unshare --mount --net true 2>/dev/null || give_up "Namespaces cannot be made here, as in most containers."
[ -w /sys/fs/cgroup ] || give_up "Control groups cannot be made here: /sys/fs/cgroup is read-only."
place=$(dirname "$cache")
mkdir -p "$place"
free=$(($(df --output=avail --block-size=1G "$place" | tail -1)))
[ -d "$cache/layers" ] || [ $free -ge $GIGABYTES ] ||
    give_up "The cluster needs $GIGABYTES GB of disk the first time; $place has $free."
