"""Measure the library beside what one would use without it: `make bench`.

Every ratio is one of medians measured in one run, the sides taking turns; what bandits lose is a mean over
simulated runs, with its standard error. An aim that is missed is printed as missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

from . import ingestion
from .bandits import Line, bandits
from .batch import batch
from .claim import Claim
from .edge_device import edge_device
from .edge_paper import edge
from .kinds import ALL_KINDS
from .monitoring import monitoring

ROOT = Path(__file__).resolve().parents[1]
ALPHA_FOLDER = ROOT / ".cache" / "alpha"
REPEATS = {1: 7, 10: 5, 50: 5, 200: 3, 100: 3, 1000: 1}


def measure(kind: str, count: int, *more: int) -> dict[str, float]:
    """One measurement in a fresh process; `more` as `benchmarks.worker` takes it."""
    paths = [str(ROOT), *([str(ALPHA_FOLDER)] if kind.startswith("alpha") else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "JSII_SILENCE_WARNING_DEPRECATED": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.worker", kind, *map(str, (count, *more))],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def side_by_side(kinds: list[str], count: int, *more: int) -> dict[str, dict[str, float]]:
    """Medians of several kinds, measured in turns."""
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(REPEATS[count]):
        for kind in kinds:
            runs[kind].append(measure(kind, count, *more))
    return {
        kind: {name: statistics.median(each[name] for each in found) for name in found[0]}
        for kind, found in runs.items()
    }


def import_seconds(*codes: str) -> list[float]:
    """Median times of processes that only import, measured in turns."""
    taken: list[list[float]] = [[] for _ in codes]
    for _ in range(9):
        for code, times in zip(codes, taken, strict=True):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
            times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in taken]


def imports() -> list[Claim]:
    """What the import adds: the package alone, and with everything an endpoint needs."""
    submodules = (
        "aws_sagemaker, aws_iam, aws_kms, aws_s3, aws_ec2, aws_ecr, aws_cloudwatch, aws_lambda, aws_ssm"
    )
    bare, package, raw, endpoint = import_seconds(
        "import aws_cdk",
        "import aws_cdk, constructs_lib",
        f"import aws_cdk; from aws_cdk import {submodules}, aws_applicationautoscaling, aws_events",
        "import aws_cdk; from constructs_lib import Model, RealtimeEndpoint, Variant",
    )
    return [
        Claim("import constructs_lib, over import aws_cdk", package / bare, 1.05),
        Claim("…and RealtimeEndpoint, over the aws_cdk submodules it uses", endpoint / raw, None),
        Claim("…over import aws_cdk alone (submodules are most of it)", endpoint / bare, None),
    ]


def endpoints(counts: Sequence[int]) -> list[Claim]:
    """Construct and synthesize, against raw L1s with the same resources, and against alpha."""
    claims = []
    for count in counts:
        found = side_by_side(["library:full_endpoint", "raw_l1:full_endpoint"], count)
        ours, raw = found["library:full_endpoint"], found["raw_l1:full_endpoint"]
        claims.append(Claim(f"{count} endpoints, time, over raw L1s", ours["total"] / raw["total"], 1.25))
        claims.append(
            Claim(f"{count} endpoints, peak memory, over raw L1s", ours["memory"] / raw["memory"], None)
        )
        print(
            f"  {count}: {ours['total']:.2f} s and {raw['total']:.2f} s, {ours['resources']:.1f} resources each"
        )
    print(f"  one more endpoint: {ours['calls']:.0f} and {raw['calls']:.0f} calls into Node")
    return claims


def every_kind() -> list[Claim]:
    """Each kind against raw L1s that write the same template: one more endpoint, and the first of a process."""
    claims = []
    for name, sides in ALL_KINDS.items():
        found = side_by_side([sides.ours, sides.raw], 1)
        ours, raw = found[sides.ours], found[sides.raw]
        claims.append(
            Claim(f"{name}: one more, time, over raw L1s", ours["one_more"] / raw["one_more"], 1.25)
        )
        claims.append(
            Claim(f"{name}: first of a process, time, over raw L1s", ours["total"] / raw["total"], 1.25)
        )
        print(
            f"  {name}: one more {1000 * ours['one_more']:.0f} and {1000 * raw['one_more']:.0f} ms, "
            f"{ours['calls']:.0f} and {raw['calls']:.0f} calls into Node; "
            f"the first {ours['total']:.2f} and {raw['total']:.2f} s",
            flush=True,
        )
    return claims


def against_alpha() -> list[Claim]:
    """The same plain endpoint: model, configuration, endpoint, scaling."""
    install_alpha()
    claims = []
    for count in (10, 50):
        found = side_by_side(["library:plain_endpoint", "alpha:plain_endpoint"], count)
        ours, alpha = found["library:plain_endpoint"], found["alpha:plain_endpoint"]
        claims.append(
            Claim(
                f"{count} plain endpoints, time, over aws-sagemaker-alpha",
                ours["total"] / alpha["total"],
                1.0,
            )
        )
        print(f"  {count}: {ours['resources']:.1f} resources an endpoint, alpha {alpha['resources']:.1f}")
    print(f"  one more endpoint: {ours['calls']:.0f} and {alpha['calls']:.0f} calls into Node")
    return claims


def growth() -> list[Claim]:
    """Cost per endpoint at 1,000 over cost per endpoint at 100."""
    hundred = side_by_side(["library:full_endpoint"], 100)["library:full_endpoint"]["total"] / 100
    thousand = side_by_side(["library:full_endpoint"], 1000)["library:full_endpoint"]["total"] / 1000
    return [Claim("cost per endpoint, 1,000 over 100 (stacks of 25)", thousand / hundred, 1.10)]


RUNTIME = "import sys; sys.path.insert(0, 'constructs_lib/experiments'); "
"""The functions of experiments as they are shipped: the package ``runtime``, beside nothing of ours."""


def cold_starts() -> list[Claim]:
    """What the functions of experiments add to a boto3 with one client, in a fresh process."""
    handlers = {
        "ingest": "dynamodb",
        "controller": "dynamodb",
        "recount": "dynamodb",
        "client": "dynamodb",
    }
    bare, *ours = import_seconds(
        "import boto3; boto3.client('dynamodb', region_name='eu-west-1')",
        *(
            f"{RUNTIME}from runtime import {name}; import boto3; boto3.client('{service}', region_name='eu-west-1')"
            for name, service in handlers.items()
        ),
    )
    for name, seconds in zip(handlers, ours, strict=True):
        print(f"  {name}: {seconds:.2f} s, {seconds - bare:+.2f} s over the {bare:.2f} s of Python and boto3")
    return [
        Claim(f"start of {name}, over boto3 and a client", seconds / bare, 1.5)
        for name, seconds in zip(handlers, ours, strict=True)
    ]


def counting() -> list[Claim]:
    """Events of experiments: how many a second, what they cost, and what a billion requests a day would need."""
    claims = []
    for name, delay in ingestion.DELAYS.items():
        before, told = ingestion.events(20_000, delay=delay)
        size = statistics.mean(len(data) for _, data in told)
        alone, whole = (ingestion.run(before, told, size=1000, boto=boto) for boto in (False, True))
        print(f"  {name}: {size:.0f} bytes an event")
        print(f"    {whole.per_second:,.0f} events a second and core, {alone.per_second:,.0f} without boto3")
        print(
            f"    write units an event: {whole.event_units:.2f} for answers, {whole.counter_units:.3f} for counts; "
            f"read units {whole.read_units:.2f}"
        )
        prices = ingestion.dollars(whole, size)
        parts = ", ".join(f"{part} {price:.2f}" for part, price in prices.items())
        print(f"    ${sum(prices.values()):.2f} a million events: {parts}")
        _print_paper(ingestion.paper(1e9, whole, size))
        # A shard brings 1,000 records a second, and one function reads it.
        claims.append(Claim(f"{name}: a core's time for a full shard", 1000 / whole.per_second, 0.5))
    print(f"  the recount holds {ingestion.bytes_of_answers():.0f} bytes of an answer")
    return claims


def _print_paper(needs: ingestion.Paper) -> None:
    print(f"    10⁹ requests a day, a reward each, at twice the mean: {needs.events:,.0f} events a second")
    print(
        f"      Kinesis: {needs.shards} shards by records, {needs.shards_by_bytes} by bytes; "
        f"a function each, {needs.busy:.0%} busy at {ingestion.LATENCY * 1000:.0f} ms a transaction"
    )
    print(
        f"      DynamoDB: {needs.table_units:,.0f} write units a second, of {ingestion.TABLE_UNITS:,} that a table has "
        f"before one asks for more"
    )
    print(
        f"      counts: {needs.counter_units:,.0f} of {ingestion.PARTITION_UNITS:,} write units a second on each "
        f"counter shard; {needs.counter_shards} would do, {ingestion.COUNTER_SHARDS} there are"
    )


def install_alpha() -> None:
    """Alpha pins the exact CDK; it goes into a folder of its own, without its dependencies."""
    if ALPHA_FOLDER.exists():
        return
    version = subprocess.run(
        [sys.executable, "-c", "from importlib.metadata import version; print(version('aws-cdk-lib'))"],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout.strip()  # fmt: skip
    package = f"aws-cdk.aws-sagemaker-alpha=={version}a0"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(ALPHA_FOLDER),
            package,
        ],
        check=True,
    )


def main() -> None:
    """Run what is asked for, or all, and print; the exit status does not depend on aims."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="import|endpoints|kinds|alpha|growth|bandits|start|counting|monitoring|batch|edge",
    )
    parser.add_argument("--counts", nargs="+", type=int, default=[1, 10, 50, 200], choices=sorted(REPEATS))
    asked = parser.parse_args()
    parts: dict[str, Callable[[], Iterable[Claim | Line | str]]] = {
        "import": imports,
        "endpoints": lambda: endpoints(asked.counts),
        "kinds": every_kind,
        "alpha": against_alpha,
        "growth": growth,
        "bandits": bandits,
        "start": cold_starts,
        "counting": counting,
        "monitoring": monitoring,
        "batch": batch,
        "edge": lambda: chain(edge(), edge_device()),
    }
    for name in asked.parts or parts:
        if name not in parts:
            parser.error(f"no part {name}: there are {', '.join(parts)}")
        print(f"\n{name}", flush=True)
        for claim in parts[name]():
            print(claim, flush=True)


if __name__ == "__main__":
    main()
