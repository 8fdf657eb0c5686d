import time

import pytest

from webhook.core.accelerators import LONGEST_NAME, Accelerator, Catalogue, Counts, Family
from webhook.core.nearly import nearly
from webhook.knowledge import knowledge

ACME = Family(
    "Acme",
    "acme.com/npu",
    (
        (Counts.SHARES, "acme.com/npu-percent"),
        (Counts.SLICES, "acme.com/*-part"),
        (Counts.DEVICES, "acme.com/*"),
    ),
    ((Counts.SLICES, "part.acme.com"), (Counts.DEVICES, "*.acme.com")),
)
PLAIN = Family(
    "Plain",
    None,
    (
        (Counts.DEVICES, "acme.com/npu"),
        (Counts.DEVICES, "plain.com/gpu-memory"),
        (Counts.DEVICES, "a.b/c+d"),
    ),
    ((Counts.DEVICES, "plain.com"),),
)
CATALOGUE = Catalogue([ACME, PLAIN], ["net.acme.com", "domain-*"], ["*/*-memory"])


@pytest.mark.parametrize(
    ("name", "family", "counts", "keys"),
    [
        ("acme.com/npu", "Acme", Counts.DEVICES, ("acme.com/npu",)),
        ("acme.com/npu-percent", "Acme", Counts.SHARES, ("acme.com/npu", "acme.com/npu-percent")),
        ("acme.com/a-part", "Acme", Counts.SLICES, ("acme.com/a-part", "acme.com/npu")),
        ("acme.com/npu-memory", "Acme", Counts.SHARES, ("acme.com/npu", "acme.com/npu-memory")),
        ("plain.com/gpu-memory", "Plain", Counts.DEVICES, ("plain.com/gpu-memory",)),
        ("a.b/c+d", "Plain", Counts.DEVICES, ("a.b/c+d",)),
    ],
)
def test_the_first_family_with_a_matching_name_wins(
    name: str, family: str, counts: Counts, keys: tuple[str, ...]
) -> None:
    assert CATALOGUE.resource(name) == Accelerator(family, counts, keys)


@pytest.mark.parametrize(
    "name",
    ["", "acme.com", "acme.com/a/b", "xacme.com/npu", "acmeXcom/npu", "a.b/ccd", "acme.com/a\n/"],
)
def test_other_names_are_no_accelerators(name: str) -> None:
    assert CATALOGUE.resource(name) is None


@pytest.mark.parametrize(
    ("name", "counts"),
    [("gpu.acme.com", Counts.DEVICES), ("part.acme.com", Counts.SLICES)],
)
def test_device_classes(name: str, counts: Counts) -> None:
    assert CATALOGUE.device_class(name) == Accelerator("Acme", counts, ("acme.com/npu",))


def test_a_class_without_a_key_is_an_accelerator_too() -> None:
    assert CATALOGUE.device_class("plain.com") == Accelerator("Plain", Counts.DEVICES, ())


@pytest.mark.parametrize("name", ["net.acme.com", "domain-x", "other.com", ""])
def test_classes_that_are_no_accelerators(name: str) -> None:
    assert CATALOGUE.device_class(name) is None
    assert CATALOGUE.resource(f"deviceclass.resource.kubernetes.io/{name}") is None


def test_an_extended_resource_of_a_class_has_its_own_name_as_a_key_too() -> None:
    name = "deviceclass.resource.kubernetes.io/part.acme.com"
    assert CATALOGUE.resource(name) == Accelerator("Acme", Counts.SLICES, ("acme.com/npu", name))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("acme.com/npu", True),
        ("gpu.acme.com", True),
        ("Acme", True),
        ("acme", False),
        ("acme.com/a/b", False),
        ("other.com/npu", False),
    ],
)
def test_accelerators_are_known_by_resource_by_class_and_by_family(name: str, known: bool) -> None:  # noqa: FBT001
    assert CATALOGUE.knows(name) is known


def test_names_are_remembered_within_a_bound() -> None:
    for number in range(5000):
        CATALOGUE.resource(f"acme.com/{number}")
    assert CATALOGUE._known_resource.cache_info().currsize <= 4096


def test_what_is_longer_than_any_name_is_neither_tried_nor_remembered() -> None:
    """A pod may ask for it: mutating webhooks see it before the API server does."""
    long = "cambricon.com/" + "mlu" * 100_000 + "/"
    catalogue = knowledge().catalogue
    begun = time.process_time()
    assert catalogue.resource(long) is catalogue.device_class(long) is None
    assert nearly(long, catalogue) is None
    assert time.process_time() - begun < 1
    assert catalogue._known_resource.cache_info().currsize == 0
    name = "cambricon.com/" + "a" * (LONGEST_NAME - len("cambricon.com/mlu")) + "mlu"
    assert catalogue.resource(name) is not None


def test_as_many_names_as_an_object_may_hold_take_no_second() -> None:
    """While a webhook is slower than its timeout, whoever makes it so gets past it."""
    catalogue = knowledge().catalogue
    names = [f"a.b/{number:x}" for number in range(90_000)]  # 1.5 MB, as etcd takes them
    begun = time.process_time()
    assert not any(map(catalogue.resource, names))
    assert time.process_time() - begun < 1
