import pytest

from webhook.config import parse
from webhook.errors import ConfigError
from webhook.wiring import build_judge


def test_a_profile_that_could_never_match_is_refused() -> None:
    config = parse(
        {
            "profiles": [
                {"name": "a", "match": {"accelerators": ["nvidia.com/gpus", "NVIDIA"]}},
                {"name": "b", "match": {"accelerators": ["gpu.nvidia.com", "nvdia.com/gpu"]}},
                {"name": "c", "match": {"classes": ["training"]}},
                {"name": "d"},
            ],
            "rules": {"no-such-rule": "warn"},
            "namespaces": [
                {"selector": {"matchLabels": {"a": "b"}}, "rules": {"duplicate-hpa": "off"}},
                {"selector": {"matchLabels": {"a": "c"}}, "rules": {"moon": "off", "dawn": "off"}},
            ],
        },
        "x",
    )
    with pytest.raises(ConfigError) as raised:
        build_judge(config)
    said = str(raised.value)
    assert "profiles: a: match.accelerators: nvidia.com/gpus is no accelerator" in said
    assert "profiles: b: match.accelerators: nvdia.com/gpu is no accelerator" in said
    assert "rules: no-such-rule: no such rule\n" in said
    assert "namespaces[1].rules: dawn, moon: no such rule; there are hpa-vpa-same-metric, " in said
    assert "NVIDIA" not in said


def test_names_of_accelerators_families_and_device_classes_are_known() -> None:
    names = ["NVIDIA", "nvidia.com/mig-1g.5gb", "gpu.amd.com", "google.com/tpu"]
    config = parse({"profiles": [{"name": "a", "match": {"accelerators": names}}]}, "x")
    assert list(build_judge(config).profiles.named) == ["a"]
