"""`python -m tests.faults.seeded --seeds 1000 [--from 0] [--processes 1]`: prints the seeds that
break a promise, and which. `--seeds 1 --from N` plays one again, in exactly the same way; what it
was begun with besides (`--history`, `--no-history`) belongs to it."""

import argparse
import gc
import logging
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.faults.seeded.run import run


def one(seed: int, *, digest: bool = False, history: bool | None = None) -> tuple[int, list[str]]:
    logging.disable(logging.CRITICAL)
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
        try:
            return seed, run(seed, Path(folder), digest=digest, history=history)
        except Exception as fault:  # noqa: BLE001 - the others are still to be run
            return seed, [f"raised {fault!r}"]
        finally:
            gc.collect()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.seeded")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--digest", action="store_true", help="print what tells the courses apart")
    parser.add_argument(
        "--history",
        action=argparse.BooleanOptionalAction,
        help="with a historian in each run, or in none; otherwise as the seeds choose",
    )
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    failed, started = 0, time.monotonic()
    with ProcessPoolExecutor(options.processes, max_tasks_per_child=None) as pool:
        run_one = partial(one, digest=options.digest, history=options.history)
        for seed, found in pool.map(run_one, seeds):
            if options.digest:
                print(f"{seed} {found[0]}", flush=True)
            elif found:
                failed += 1
                print(f"seed {seed}: {'; '.join(found)[:600]}", flush=True)
    print(f"{len(seeds) - failed} passed, {failed} failed")
    print(f"in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
