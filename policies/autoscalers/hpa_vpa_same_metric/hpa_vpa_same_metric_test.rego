package scaleguard.rules.autoscalers.hpa_vpa_same_metric_test

import data.scaleguard.rules.autoscalers.hpa_vpa_same_metric as rule

settings := {"strictness": "literal", "gkeRightsizing": false, "startupBoost": "warn"}

overlap := {
	"id": 0,
	"type": "same-metric",
	"workload": {"text": "Deployment web"},
	"resource": "cpu",
	"containers": ["app", "proxy"],
	"scaler": {"text": "HorizontalPodAutoscaler shop/web"},
	"vpa": {"text": "VerticalPodAutoscaler shop/web", "mode": "Recreate", "gkeRightsizing": false},
	"metric": {
		"path": "spec.metrics[0]",
		"container": null,
		"target": "70%",
		"targetType": "Utilization",
		"defaulted": false,
	},
	"boost": false,
	"reductions": [],
	"fix": "controlledResources: [memory] for container \"*\"",
}

judged(changes, chosen) := found if {
	document := {
		"settings": object.union(settings, chosen),
		"overlaps": [object.union(overlap, changes)],
	}
	found := rule.findings with input as document
}

test_denies_and_names_both_the_metric_the_containers_and_the_fix if {
	found := judged({}, {})
	count(found) == 1
	some finding in found
	finding.action == "deny"
	finding.overlap == 0
	contains(finding.message, "HorizontalPodAutoscaler shop/web scales Deployment web on cpu")
	contains(finding.message, "(Utilization 70%, spec.metrics[0])")
	contains(finding.message, "VerticalPodAutoscaler shop/web (mode Recreate)")
	contains(finding.message, "containers app, proxy")
	startswith(finding.remedy, "set controlledResources: [memory]")
}

test_warns_with_the_reason_when_reduced if {
	found := judged({"reductions": ["it has no effect now"]}, {})
	count(found) == 1
	some finding in found
	finding.action == "warn"
	contains(finding.message, "only a warning: it has no effect now")
}

test_a_startup_boost_warns if {
	found := judged({"boost": true, "reductions": ["startupBoost"], "fix": null}, {})
	count(found) == 1
	some finding in found
	finding.action == "warn"
	finding.remedy == "remove startupBoost from VerticalPodAutoscaler shop/web"
}

test_a_startup_boost_is_denied_when_configured if {
	found := judged({"boost": true, "reductions": ["startupBoost"], "fix": null}, {"startupBoost": "deny"})
	count(found) == 1
	some finding in found
	finding.action == "deny"
}

test_a_startup_boost_with_another_reason_still_warns if {
	found := judged({"boost": true, "reductions": ["startupBoost", "inert"], "fix": null}, {"startupBoost": "deny"})
	count(found) == 1
	some finding in found
	finding.action == "warn"
}

average := {"metric": {
	"path": "spec.metrics[0]",
	"container": null,
	"target": "500m",
	"targetType": "AverageValue",
	"defaulted": false,
}}

test_an_average_value_is_denied_literally if {
	found := judged(average, {})
	count(found) == 1
	some finding in found
	finding.action == "deny"
}

test_an_average_value_warns_by_feedback_with_its_condition if {
	found := judged(average, {"strictness": "feedback"})
	count(found) == 1
	some finding in found
	finding.action == "warn"
	contains(finding.message, "RequestsOnly")
}

sanctioned := {"vpa": {"text": "v", "mode": "Recreate", "gkeRightsizing": true}}

test_gke_shares_cpu_when_switched_on if {
	judged(sanctioned, {"gkeRightsizing": true}) == set()
}

test_gke_never_shares_memory if {
	count(judged(object.union(sanctioned, {"resource": "memory"}), {"gkeRightsizing": true})) == 1
}

test_gke_shares_nothing_by_default if {
	count(judged(sanctioned, {})) == 1
}

test_other_overlaps_are_other_rules_matter if {
	judged({"type": "alias-metric"}, {}) == set()
}
