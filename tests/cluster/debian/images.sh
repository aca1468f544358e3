#!/bin/bash
# Makes the images that the tests run, without a container engine, and imports them into the cluster's containerd.
#   images.sh [control] [trainer] [postgresql]        none named: all
#
# Layers are directories in the cache: a Debian made by debootstrap, libraries, the project. Only what changed is
# made anew: after a change of the project, its layer. What the control image holds is said by the files of
# deployment/images/control, which its Dockerfile uses too; the Dockerfiles themselves need an engine, and are not
# used. The trainer image has the torch that pip finds here, and no kernels: it computes on a CPU.
set -euo pipefail
# shellcheck source=tests/cluster/debian/settings.sh
source "$(dirname "$0")/settings.sh"

image_files=$repository/deployment/images/control
lock=$repository/requirements.lock
said=("$image_files"/{install.sh,requirements.txt,packages.txt} "$lock")
venv=/opt/osft # in the images
layers=$cache/layers
PATH=/usr/sbin:/usr/bin:/sbin:/bin # Debian's python3, not one that a version manager puts before it

main() {
    needs_debian_and_root
    # What is mounted here is seen by nobody else, and gone at the end.
    [ "${OSFT_OWN_MOUNTS:-}" ] || OSFT_OWN_MOUNTS=1 exec unshare --mount "$0" "$@"
    find_binaries
    runtime images ls >/dev/null 2>&1 || give_up "The cluster is not up. Run make cluster."
    exec 9>"$cache/images.lock"
    flock --nonblock 9 || { say "waiting: another images.sh is at work" && flock 9; }
    mkdir -p "$layers" "$venv"
    trap 'umount "$venv" 2>/dev/null || true; rmdir "$venv" 2>/dev/null || true' EXIT
    [ $# -gt 0 ] || set -- control trainer postgresql
    local image
    for image in "$@"; do "$image"; done
}

control() {
    make_layers
    import localhost/osft-control:test "${as_deployed[@]}" \
        --layer "$debian" --layer "$libraries" --layer "$places" --layer "$project"
}

trainer() {
    make_layers
    local computing=$layers/computing-${libraries##*-}
    if ! [ -d "$computing" ]; then
        say "libraries that compute: a few minutes"
        added_to "$libraries" "$computing" install_computing
    fi
    import localhost/osft-trainer:test "${as_deployed[@]}" \
        --layer "$debian" --layer "$libraries" --layer "$places" --layer "$computing" --layer "$project"
}

postgresql() {
    local database user start
    database=$(debian_with postgresql-15)
    user=$(awk -F: '$1 == "postgres" {print $3 ":" $4}' "$database/etc/passwd")
    start=$layers/start-$(fingerprint "$here/start-postgresql")
    install -D "$here/start-postgresql" "$start/usr/local/bin/start-postgresql"
    import localhost/osft-postgresql:15 --user "$user" --command start-postgresql \
        --layer "$database" --layer "$start"
}

# ------------------------------------------------------------------------------------------------ layers

# What both of our images have below and on top, and how a container of them starts: as their Dockerfile says.
make_layers() {
    [ -z "${project:-}" ] || return 0
    debian=$(debian_with "$(paste -sd, "$image_files/packages.txt")")
    sed '/^\[tool/,$d' "$repository/pyproject.toml" >"$layers/asked.toml" # the settings of tools matter to no image
    libraries=$layers/libraries-$(fingerprint "${said[@]}" "$layers/asked.toml")
    [ -d "$libraries" ] || make_libraries
    places=$layers/places-$(fingerprint "$image_files/nslookup")
    install -D --mode=755 "$image_files/nslookup" "$places/usr/local/bin/nslookup"
    install -d --mode=775 "$places"/{home/osft,opt/dagster/dagster_home,workspace}
    project=$layers/project-$(fingerprint "$repository"/{osft_assets,resources} "$libraries")
    if ! [ -d "$project" ]; then
        say "project"
        added_to "$libraries" "$project" "$image_files/install.sh" $venv "$repository"
    fi
    as_deployed=(--path "$venv/bin" --user 10001:0 --env HOME=/home/osft --env USER=osft --env LOGNAME=osft
        --env DAGSTER_HOME=/opt/dagster/dagster_home --env PYTHONUNBUFFERED=1 --env PYTHONDONTWRITEBYTECODE=1)
}

debian_with() { # PACKAGE,PACKAGE; prints where it is
    local made mirror
    made=$layers/debian-$(sha256sum <<<"$1" | cut -c1-12)
    if ! [ -d "$made" ]; then
        say "Debian 12 with $1" >&2
        # shellcheck disable=SC2016  # apt's own variables
        mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
            sed -n 's/^Debian bookworm //p' | head -n 1)
        rm -rf "$made.new"
        debootstrap --variant=minbase --include="$1" bookworm "$made.new" "$mirror" >"$made.log" 2>&1 ||
            give_up "debootstrap failed; see $made.log"
        rm -rf "$made.new"/var/cache/apt/archives/*.deb "$made.new"/var/lib/apt/lists/*
        mv "$made.new" "$made"
    fi
    echo "$made"
}

# Installed by this machine's Python, which is Debian 12's as the image's is, at the place where the image has it:
# so pip's own settings and its cache serve. The project goes out again: its layer comes on top.
make_libraries() {
    say "libraries: a minute or two"
    rm -rf "$libraries.new" && mkdir -p "$libraries.new$venv"
    mount --bind "$libraries.new$venv" $venv
    "$image_files/install.sh" $venv "$repository"
    $venv/bin/python -m pip --disable-pip-version-check uninstall --quiet --yes osft-assets
    umount $venv
    replace_by "$libraries"
}

# As `make setup` does. Most of the lock is there already.
install_computing() {
    local pip=("$venv/bin/python" -m pip --disable-pip-version-check)
    "${pip[@]}" install --quiet --constraint "$lock" torch
    "${pip[@]}" install --quiet --no-deps --requirement "$lock"
}

# Runs a command over a virtual environment; what it adds, and that only, becomes a layer of its own.
added_to() { # LOWER_LAYER NEW_LAYER COMMAND...
    local lower=$1 made=$2
    shift 2
    rm -rf "$made.new" "$made.work" && mkdir -p "$made.new$venv" "$made.work"
    mount -t overlay -o "lowerdir=$lower$venv,upperdir=$made.new$venv,workdir=$made.work" overlay $venv
    "$@"
    umount $venv
    rm -rf "$made.work"
    local removed
    removed=$(find "$made.new" -type c -print -quit)
    [ -z "$removed" ] || give_up "$* removed ${removed#"$made.new"}; a layer here can only add."
    replace_by "$made"
}

# The layer is whole: it takes its name, and the disk of those before it is free again.
replace_by() {
    local kind=${1%-*} new=$1.new
    mv "$new" "$layers/whole"
    rm -rf "$kind"-*
    mv "$layers/whole" "$1"
}

# Of files: their content and their names, which are the same in every clone.
fingerprint() {
    cd "$repository"
    set -- "${@#"$repository"/}"
    find "$@" -type f -not -path '*/__pycache__/*' -not -path "$layers/*/*" -print0 | sort -z |
        xargs -0 sha256sum | cat - <(printf '%s\n' "$@") | sha256sum | cut -c1-12
}

# ------------------------------------------------------------------------------------------------ import

import() { # REFERENCE ARGUMENTS OF write_image.py; nothing to do when they are those of the last time
    local reference=$1 archive=$cache/image.tar note
    note=$layers/$(basename "$reference").imported
    shift
    if [ "$(cat "$note" 2>/dev/null)" = "$*" ] && runtime images ls --quiet | grep -qxF "$reference"; then return; fi
    say "image $reference"
    python3 "$here/write_image.py" "$archive" "$reference" "$@" --known "$(runtime content ls --quiet)"
    runtime images import "$archive" >/dev/null
    rm "$archive"
    echo "$*" >"$note"
    forget_replaced
}

# The kubelet's side of containerd names every image by its content as well: that alone would keep gigabytes.
forget_replaced() {
    local name digest named
    named=$(runtime images ls | awk '$1 ~ /^localhost/ {print $3}')
    runtime images ls | awk '$1 ~ /^sha256:/ {print $1, $3}' | while read -r name digest; do
        grep -qxF "$digest" <<<"$named" || runtime images remove "$name" >/dev/null
    done
}

main "$@"
