"""Pods that stand only in pieces in an object, put together as their operator would.

The catalogue (webhook/catalogue/workloads.yaml) names these functions. They read objects that
nobody has checked, and say nothing of what they do not find.
"""

from collections.abc import Mapping

from webhook.core.frameworks.argo import argo
from webhook.core.frameworks.dynamo import dynamo, vllm_runtime
from webhook.core.frameworks.kaito import kaito
from webhook.core.frameworks.nim import nim
from webhook.core.frameworks.places import Assembler
from webhook.core.frameworks.spark import spark
from webhook.core.frameworks.trainer import train_job

ASSEMBLERS: Mapping[str, Assembler] = {
    "argo": argo,
    "dynamo": dynamo,
    "kaito": kaito,
    "nim": nim,
    "spark": spark,
    "train_job": train_job,
    "vllm_runtime": vllm_runtime,
}
"""By the name that the catalogue calls them by."""
