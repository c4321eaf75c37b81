"""The bench of the CRI daemon: see scripts/bench. Ours and Debian's containerd in one run, on the same images.

Each has a place of its own (cri/Tests/Integration/harness); rounds alternate, so that the load of the machine falls on
both. Latencies are those of the calls as a client sees them.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "Integration")]

import cases  # noqa: E402
from harness import daemons  # noqa: E402
from harness.rig import Rig  # noqa: E402
from results import Results  # noqa: E402

CASES = {"life": cases.life, "parallel": cases.parallel, "pull": cases.pull, "pods": cases.many_pods}


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench cri", allow_abbrev=False, description="How long pods take, beside containerd with runc.")
    parser.add_argument("--only", default=",".join(CASES), metavar="CASE[,CASE...]", help=f"of {', '.join(CASES)}")
    parser.add_argument("--daemon", action="append", choices=("apus-cri", "containerd"), help="only this one (default: both)")
    parser.add_argument("--rounds", type=int, default=40, help="lives of a pod (default: 40; the first is not counted)")
    parser.add_argument("--pods", type=int, default=20, help="idle pods (default: 20)")
    parser.add_argument("--pulls", type=int, default=15, help="of the image of 100 MB (default: 15; the first is not counted)")
    parser.add_argument("--quick", action="store_true", help="a quarter of the rounds")
    parser.add_argument("--check", action="store_true", help="ends with 1 when an aim is missed")
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.pulls = max(3, given.rounds // 4), 2
    return given


def main():
    given = arguments()
    kinds = [kind for kind in (daemons.ApusCRI, daemons.Containerd) if kind.name in (given.daemon or (kind.name,))]
    results, rigs = Results(), []
    try:
        for kind in kinds:
            if not kind.path or not Path(kind.path).exists():
                sys.exit(f"bench cri: no executable of {kind.name} at {kind.path}")
            if "/debug/" in kind.path:
                results.notes.append(f"{kind.name} is a debug build: {kind.path}")
            directory = Path(tempfile.mkdtemp(prefix="acri-", dir="/var/tmp"))
            directory.chmod(0o755)
            rigs.append(Rig(directory, kind=kind, log={"level": "info"}))
        for name in given.only.split(","):
            print(f"==> {name}", file=sys.stderr)
            CASES[name](rigs, results, given)
    finally:
        for rig in rigs:
            rig.close()
            shutil.rmtree(rig.directory, ignore_errors=True)
    print(results.table())
    if given.json:
        Path(given.json).write_text(json.dumps(results.document(), indent=1) + "\n")
    sys.exit(1 if given.check and results.missed() else 0)


if __name__ == "__main__":
    main()
