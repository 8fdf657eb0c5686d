package scaleguard.rules.autoscalers.duplicate_hpa_test

import data.scaleguard.rules.autoscalers.duplicate_hpa as rule

overlap := {
	"id": 3,
	"type": "duplicate-scaler",
	"workload": {"text": "Deployment web"},
	"scaler": {"text": "HorizontalPodAutoscaler shop/b"},
	"other": {"text": "ScaledObject shop/a", "kind": "ScaledObject", "namespace": "shop", "name": "a"},
	"reductions": [],
}

judged(changes) := found if {
	document := {"overlaps": [object.union(overlap, changes)]}
	found := rule.findings with input as document
}

test_denies_and_says_which_to_delete if {
	found := judged({})
	count(found) == 1
	some finding in found
	finding.action == "deny"
	finding.overlap == 3
	finding.message == "HorizontalPodAutoscaler shop/b scales Deployment web, which ScaledObject shop/a scales already"
	endswith(finding.remedy, "kubectl delete scaledobject -n shop a")
}

test_warns_when_reduced if {
	found := judged({"reductions": ["generated"]})
	count(found) == 1
	some finding in found
	finding.action == "warn"
	endswith(finding.message, "only a warning: generated")
}

test_other_overlaps_are_other_rules_matter if {
	judged({"type": "duplicate-vpa"}) == set()
}
