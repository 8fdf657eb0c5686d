package scaleguard.rules.autoscalers.hpa_no_effect_test

import data.scaleguard.rules.autoscalers.hpa_no_effect as rule

inert := {
	"type": "scaler",
	"active": true,
	"inert": "minReplicas equals maxReplicas (3)",
	"inertPath": "spec.maxReplicas",
}

judged(changes) := found if {
	document := {
		"object": {"text": "HorizontalPodAutoscaler shop/web"},
		"autoscaler": object.union(inert, changes),
	}
	found := rule.findings with input as document
}

test_warns_with_the_reason_and_its_path if {
	found := judged({})
	count(found) == 1
	some finding in found
	finding.action == "warn"
	finding.path == "spec.maxReplicas"
	finding.message == "HorizontalPodAutoscaler shop/web never changes the replicas: minReplicas equals maxReplicas (3)"
}

test_one_that_works_is_left_alone if {
	judged({"inert": null}) == set()
}

test_one_that_is_paused_is_left_alone if {
	judged({"active": false}) == set()
}

test_vpas_are_other_rules_matter if {
	judged({"type": "vpa"}) == set()
}
