"""`python -m bench`: measure, show, keep, compare."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench import machine
from bench.figures import Figure
from bench.parts import ANYWHERE, PARTS
from bench.programs import Broken
from bench.rig import Foreign, Rig
from bench.stock import Stock
from bench.table import table

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "bench" / "kept" / "baseline.json"


def main() -> int:
    """Run the parts that were asked for. The exit code is 1 if one of them broke."""
    options = _options()
    names = options.parts or (list(ANYWHERE) if options.server else list(PARTS))
    foreign = Foreign.parse(options.server, options.directory) if options.server else None
    stock = Stock(ROOT / "build" / "bench")
    figures: list[Figure] = []
    broken = False
    os.chdir(ROOT)
    begun = time.monotonic()
    try:
        rig = Rig(stock, quick=options.quick, foreign=foreign)
        for name in names:
            since = time.monotonic()
            try:
                for figure in PARTS[name](rig):
                    figures.append(figure)
                    print(f"{figure.key}: {figure.value:.4g} {figure.unit}", file=sys.stderr)
            except (Broken, OSError) as error:
                broken = True
                print(f"bench: {name} broke: {error}", file=sys.stderr)
            rig.say(f"{name} took {time.monotonic() - since:.0f} s")
        on = machine.describe(stock.root)
    finally:
        stock.close()
    took = time.monotonic() - begun
    kept = json.loads(options.compare.read_text()) if options.compare else None
    records = {it["key"]: it for it in kept["figures"]} if kept else None
    print(_head(on, took, quick=options.quick))
    print(table(figures, records))
    if kept and (kept["machine"], kept["quick"]) != (on, options.quick):
        print("The kept result was made on another machine or with other options; see its JSON.")
    if options.json:
        options.json.write_text(_document(figures, on, took, quick=options.quick))
    return int(broken)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure both programs, as real processes on real files.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="fewer runs, a tenth of the files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it there")
    parser.add_argument(
        "--compare",
        type=Path,
        nargs="?",
        const=KEPT,
        metavar="FILE",
        help="show ratios to a kept result (bench/kept/baseline.json)",
    )
    parser.add_argument("--server", metavar="URL", help="measure this server's GET /files instead")
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="the directory that it watches"
    )
    options = parser.parse_intermixed_args()
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if bool(options.server) != bool(options.directory):
        parser.error("--server and --directory belong together")
    if options.server and any(name not in ANYWHERE for name in options.parts):
        parser.error(f"with --server there are {' and '.join(ANYWHERE)} alone")
    return options


def _head(on: dict[str, Any], took: float, *, quick: bool) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in on["libraries"].items())
    return (
        f"{on['cpu']}, {on['cores']} cores, {on['memory_gib']} GiB, Linux {on['kernel']}, "
        f"{on['file_system']}\nPython {on['python']}, {libraries}\n"
        f"{'quick, ' if quick else ''}{took:.0f} s\n"
    )


def _document(figures: list[Figure], on: dict[str, Any], took: float, *, quick: bool) -> str:
    document = {
        "machine": on,
        "quick": quick,
        "seconds": round(took),
        "figures": [{"key": figure.key, **figure.record()} for figure in figures],
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
