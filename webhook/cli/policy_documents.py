"""`scaleguard policies schema|input`: what a rule reads, in general and of given manifests."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from webhook import config as configuration
from webhook.cli.judged import exit_status, judge_all, tell_findings
from webhook.cli.options import EXISTING_FILE, option
from webhook.cli.output import echo_utf8
from webhook.core.verdict import Verdict
from webhook.manifests import read
from webhook.policy.document import schema as document_schema
from webhook.wiring import build_judge


@click.command(
    epilog="\b\nExamples:\n  scaleguard policies schema > document.schema.json\n"
    "  opa check --strict --schema document.schema.json my-rules/"
)
def schema() -> None:
    """Print the form of what a rule reads as `input`, as JSON Schema."""
    echo_utf8(json.dumps(document_schema(), indent=2, ensure_ascii=False))


@click.command(
    "input",
    epilog="\b\nExamples:\n  scaleguard policies input deploy/\n"
    "  helm template . | scaleguard policies input -",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@option("--config", type=EXISTING_FILE, help="Configuration file (YAML).")
def input_(*, paths: tuple[str, ...], config: Path | None) -> None:
    """Print what rules read as `input` of the manifests in each PATH: a list of documents."""
    documents: list[dict[str, Any]] = []

    def collect(document: dict[str, Any]) -> list[Verdict]:
        documents.append(document)
        return []

    judge = replace(build_judge(configuration.load(config)), ask=collect)
    judged = judge_all(read(paths, sys.stdin.buffer.read), judge, lambda *_: None)
    echo_utf8(json.dumps(documents, indent=2, ensure_ascii=False))
    tell_findings(judged)
    sys.exit(exit_status(judged, "deny"))
