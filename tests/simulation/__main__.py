"""`python -m tests.simulation --seeds 1000 [--first 0] [--processes 2]`: prints failing seeds."""

import argparse
import logging
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.rules import RULES
from tests.simulation.run import run


def one(job: tuple[int, str]) -> tuple[int, list[str]]:
    logging.disable(logging.CRITICAL)
    seed, rule = job
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
        return seed, run(seed, Path(folder), RULES[rule])


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulation")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--without", choices=sorted(RULES), default="all rules on")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    failed, started = 0, time.monotonic()
    seeds = range(options.first, options.first + options.seeds)
    with ProcessPoolExecutor(options.processes) as pool:
        for seed, broken in pool.map(one, [(s, options.without) for s in seeds], chunksize=4):
            if broken:
                failed += 1
                print(f"seed {seed}: {'; '.join(broken)[:400]}", flush=True)
    print(f"{len(seeds) - failed} passed, {failed} failed")
    print(f"in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
