#!/usr/bin/env bash
# Tests analysis/ in a virtual environment of its own, on results that the given program makes.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/.."

environment=.build/analysis
# Made anew when the requirements change.
wanted=$(cat analysis/requirements*.txt analysis/pyproject.toml | sha256sum | cut -d' ' -f1)
if [ "$(cat "$environment/wanted" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$environment"
    /usr/bin/python3 -m venv "$environment"
    if ! "$environment/bin/pip" install --quiet --disable-pip-version-check -r analysis/requirements-test.txt \
        -e analysis; then
        rm -rf "$environment"
        echo "test-analysis: skipped, because the packages of analysis/requirements-test.txt could not be installed" >&2
        exit 0
    fi
    # Tests of what sends series to other services are skipped without these.
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r analysis/requirements-follow.txt ||
        echo "test-analysis: analysis/requirements-follow.txt could not be installed; its tests are skipped" >&2
    echo "$wanted" >"$environment/wanted"
fi
cd analysis
CJEPA_EXP=$program "../$environment/bin/python" -m pytest --quiet -p no:cacheprovider
