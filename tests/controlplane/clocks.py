"""Weeks of autoscaling in minutes: the clocks of the HPA controller and of the VPA, sped up.

    ControlPlane(kwok=True, arguments=QUICK_HPA)

Only durations are changed. Percentiles, margins, tolerances and policies are those that everybody
has, so that what the autoscalers decide is what they would decide, only sooner.
"""

from __future__ import annotations

# The HPA looks every 15 s, waits 5 minutes before it scales in, and for a pod's first 5 minutes
# trusts no cpu metric of it.
QUICK_HPA: dict[str, list[str]] = {
    "kube-controller-manager": [
        "--horizontal-pod-autoscaler-sync-period=1s",
        "--horizontal-pod-autoscaler-downscale-stabilization=5s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
    ]
}

# It looks every minute, a sample loses half of its weight in a day, the bounds around a target
# narrow over days, and memory counts by its peak of a day.
QUICK_RECOMMENDER = [
    "--recommender-interval=1s",
    "--cpu-histogram-decay-half-life=5s",
    "--memory-histogram-decay-half-life=5s",
    "--confidence-interval-cpu=5s",
    "--confidence-interval-memory=5s",
    "--memory-aggregation-interval=5s",
]

# It looks every minute, and leaves a pod whose requests are within the bounds alone for 12 hours.
QUICK_UPDATER = [
    "--updater-interval=1s",
    "--in-recommendation-bounds-eviction-lifetime-threshold=5s",
]
