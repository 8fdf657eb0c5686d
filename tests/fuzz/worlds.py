"""Inputs that are worlds: a list of objects, of which the first one is asked about."""

from typing import Any

from tests.cases.check import review_of
from tests.fuzz.mutation import document
from webhook.core.decide import Judge
from webhook.core.review import BadReview, Request, read_review
from webhook.core.world import World


def asked(data: bytes) -> tuple[Request, list[dict[str, Any]]] | None:
    """Read a world; None where no API server could ask such a thing."""
    read = document(data)
    objects = [one for one in read if isinstance(one, dict)] if isinstance(read, list) else []
    if not objects:
        return None
    try:
        return read_review(review_of(objects[0])), objects[1:]
    except BadReview:
        return None


def world_of(objects: list[dict[str, Any]], judge: Judge) -> World:
    return World.of(objects, judge.knowledge.kinds)
