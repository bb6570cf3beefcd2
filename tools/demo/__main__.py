"""`python -m tools.demo`: every construct deployed, called, and seen doing what it is for; `make demo`.

Trains three models, bootstraps, deploys the first with the real CDK CLI, calls it with boto3, deploys a better one
over it while requests keep coming, then one that cannot load, which must be rolled back. Then all other stacks at
once: a bandit that finds the better of two models, a challenger in the shadow, monitors, a run in bulk, devices, an
API. One page tells of it, build/demo/index.html. The exit status says whether all of it happened.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tools.cdk_cli import Cdk, CdkError
from tools.demo import api, batch, devices, experiment, monitored, realtime, shadow, standing
from tools.demo.page import page
from tools.demo.stage import DemoFailedError, Stage
from tools.embedded_aws import ACCOUNT, REGION, ROOT, FunctionFailedError, LocalAws, local_aws

PAGES = ROOT / "build" / "demo"

# AWS's minutes of baking last seconds here, and everything stands at once.
PACE = {
    "CONSTRUCTS_LOCAL_UPDATE_DELAY": "0.5",
    "CONSTRUCTS_LOCAL_MAX_WORKERS": "48",
    "SFN_WAIT_SCALE": "0.02",
}
OTHERS = (experiment, shadow, monitored, batch, devices, api)


def play(aws: LocalAws, folder: Path, pages: Path) -> Path:
    """All acts; the page that tells of them.

    :raises DemoFailedError: something that must happen did not.
    """
    stage = Stage(aws, Cdk(environment=aws.environment(), folder=folder), folder, pages)
    pages.mkdir(parents=True, exist_ok=True)
    stage.say("cdk bootstrap")
    stage.cdk.bootstrap(ACCOUNT, REGION)
    serving = realtime.run(stage)
    stacks = [act.STACK for act in OTHERS]
    context = {
        **experiment.CONTEXT,
        "python": str(devices.python_of(folder)),
        "model": str(serving),
        "soak": "60",
    }
    stage.deploy("all other constructs", *stacks, context=context)
    for act in OTHERS:
        act.run(stage)
    standing.look(stage)
    stage.say("cdk destroy")
    stage.cdk.run("destroy", realtime.STACK, *stacks, "--force", context=context)
    told = pages / "index.html"
    told.write_text(page(stage.seen), encoding="utf-8")
    _table(stage)
    return told


def _table(stage: Stage) -> None:
    head = ("construct", "who answered", "asked", "what came of it")
    rows = [head, tuple("-" * len(each) for each in head), *stage.seen.answered]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    print("\nDeployed to a local emulator, with the real CDK CLI and boto3:\n")
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def main() -> int:
    """Run the demo; 0 when everything happened that must."""
    folder = Path(tempfile.mkdtemp(prefix="demo-"))
    try:
        with local_aws(folder, "--mqtt-port", "0", settings=PACE) as aws:
            print(f"embedded AWS at {aws.url}; logs in {folder}", flush=True)
            told = play(aws, folder, PAGES)
    except (AssertionError, DemoFailedError, CdkError, FunctionFailedError) as failure:
        print(f"\nFAILED: {failure}\nlogs: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print(f"\nWhat runs, what answered, what shifted, what drifted: {told.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
