"""A real Prometheus on loopback, and promtool."""

import json
import shutil
import subprocess
import urllib.parse
from pathlib import Path
from typing import Any

from tests.e2e.processes import wait_until
from tests.packaging.loopback import free_port, get
from tests.packaging.provision import ROOT, provided

FOLDER = ROOT / "packaging" / "prometheus"
HOW = "run tests/packaging/install-charts.sh as root (Debian's package prometheus)"


def promtool(*arguments: str, text: str | None = None) -> str:
    """What promtool prints. AssertionError if it objects."""
    command = provided(shutil.which("promtool"), "promtool", HOW)
    done = subprocess.run(
        [str(command), *arguments], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    """One that scrapes and evaluates each second. End it with `close`."""

    def __init__(self, folder: Path, rules: Path, targets: dict[str, list[dict[str, Any]]]) -> None:
        """`targets` are `static_configs` by job name."""
        command = provided(shutil.which("prometheus"), "prometheus", HOW)
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [
                {"job_name": job, "static_configs": static} for job, static in targets.items()
            ],
        }
        # JSON is YAML.
        file = folder / "prometheus.json"
        file.write_text(json.dumps(config))
        port = free_port()
        self._address = f"http://127.0.0.1:{port}"
        self._log = (folder / "prometheus.log").open("w+")
        self._process = subprocess.Popen(
            [
                str(command),
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(self._ready, what="Prometheus is ready")
        except BaseException:
            self.close()
            raise

    def _ready(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        return get(f"{self._address}/-/ready")[0] == 200

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The vector that `expression` has now. AssertionError if Prometheus objects."""
        query = urllib.parse.urlencode({"query": expression})
        status, body = get(f"{self._address}/api/v1/query?{query}")
        assert status == 200, f"{expression}: {body}"
        assert not body.get("warnings"), body
        result: list[dict[str, Any]] = body["data"]["result"]
        return result

    def series(self, expression: str) -> list[dict[str, str]]:
        """The labels of what `expression` has now."""
        return [entry["metric"] for entry in self.query(expression)]

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
