#!/usr/bin/env bash
# Installs the Debian packages that the project needs and that are missing; with --tests, also what the tests read
# results with, and Open MPI; with --weights instead, the programs that weights are exchanged with (1.2 GB); with
# --slurm instead, what the test on a real Slurm needs. Touches neither the network nor anything else where all of it is
# there. Needs root or sudo only to install.
set -euo pipefail
cd "$(dirname "$0")/.."

needed_swift=6.2

# Libraries with their headers, and the data set.
packages=(libhdf5-dev libopenblas-dev libzstd-dev zlib1g-dev libpng-dev libjpeg62-turbo-dev libwebp-dev pkg-config
    dataset-fashion-mnist)
# A Python that reads the results, a browser that reads the report, Open MPI, which the program loads where it is
# asked to, the two programs that set the LaTeX tables, and what makes PDF of figures, with its fonts, and looks into it.
[ "${1:-}" = --tests ] &&
    packages+=(python3 python3-numpy python3-h5py python3-pip python3-venv chromium-headless-shell openmpi-bin
        librsvg2-bin fonts-dejavu-core poppler-utils
        texlive-latex-base texlive-latex-recommended texlive-luatex lmodern)
[ "${1:-}" = --weights ] && packages=(python3 python3-pip)
[ "${1:-}" = --slurm ] && packages=(slurm-wlm munge python3 python3-h5py)
plugins=.build/python
readers=.build/python-export
clients=.build/python-weights

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

check_swift() {
    command -v swift >/dev/null ||
        fail "there is no swift on the PATH" "install Swift $needed_swift or later: https://www.swift.org/install/linux/"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail "'swift --version' does not tell its version"
    # The older of the two comes first.
    [ "$(printf '%s\n' "$needed_swift" "$version" | sort -V | head -n 1)" = "$needed_swift" ] ||
        fail "Swift $version is too old" "install Swift $needed_swift or later: https://www.swift.org/install/linux/"
}

missing_packages() {
    local package
    for package in "${packages[@]}"; do
        if ! dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
            printf '%s\n' "$package"
        fi
    done
}

install_packages() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "packages are missing, and there is neither root nor sudo to install them" \
                "ask an administrator for: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

# Debian's python3-hdf5plugin has no zstd filter, so that of PyPI is put beside the build.
install_plugins() {
    /usr/bin/python3 -m pip install --quiet --no-deps --target "$plugins" -r Tests/Python/requirements.txt || {
        rm -rf "$plugins"
        echo "setup: hdf5plugin could not be installed; the test that reads zstd through it will be skipped" >&2
    }
}

# Programs that the tests work with, each set in a folder of its own that tests do without: those that read exports take
# half a gigabyte, torch and what goes with it 1.2.
install_programs() {
    local folder=$1 wanted=$2 names=$3
    rm -rf "$folder"
    if /usr/bin/python3 -m pip install --quiet --target "$folder" -r "$wanted"; then
        # Last, so that a folder that was left half done is made anew.
        cp "$wanted" "$folder/wanted"
    else
        rm -rf "$folder"
        echo "setup: $names could not be installed; the tests that use them are skipped" >&2
    fi
}

check_swift
command -v dpkg-query >/dev/null ||
    fail "this is no Debian system (no dpkg)" "install by hand what these packages hold: ${packages[*]}"
mapfile -t missing < <(missing_packages)
[ "${#missing[@]}" -eq 0 ] || install_packages
[ "${1:-}" != --tests ] || [ -d "$plugins/hdf5plugin" ] || install_plugins
[ "${1:-}" != --tests ] || cmp -s Tests/Python/requirements-export.txt "$readers/wanted" ||
    install_programs "$readers" Tests/Python/requirements-export.txt "tensorboard, pyarrow and silx"
[ "${1:-}" != --weights ] || cmp -s Tests/Python/requirements-weights.txt "$clients/wanted" ||
    install_programs "$clients" Tests/Python/requirements-weights.txt "torch, timm and transformers"
