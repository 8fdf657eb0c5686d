package scaleguard.rules.autoscalers.duplicate_vpa_test

import data.scaleguard.rules.autoscalers.duplicate_vpa as rule

overlap := {
	"id": 1,
	"type": "duplicate-vpa",
	"workload": {"text": "Deployment web"},
	"vpa": {"text": "VerticalPodAutoscaler shop/b", "mode": "Initial"},
	"other": {"text": "VerticalPodAutoscaler shop/a", "mode": "Recreate"},
	"reductions": [],
}

judged(changes) := found if {
	document := {"overlaps": [object.union(overlap, changes)]}
	found := rule.findings with input as document
}

test_denies_and_names_both_with_their_modes if {
	found := judged({})
	count(found) == 1
	some finding in found
	finding.action == "deny"
	contains(finding.message, "VerticalPodAutoscaler shop/b (mode Initial)")
	contains(finding.message, "VerticalPodAutoscaler shop/a (mode Recreate)")
	contains(finding.remedy, "updateMode: \"Off\"")
}

test_warns_when_reduced if {
	found := judged({"reductions": ["inert"]})
	count(found) == 1
	some finding in found
	finding.action == "warn"
}

test_other_overlaps_are_other_rules_matter if {
	judged({"type": "same-metric"}) == set()
}
