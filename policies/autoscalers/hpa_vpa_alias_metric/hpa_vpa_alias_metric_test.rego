package scaleguard.rules.autoscalers.hpa_vpa_alias_metric_test

import data.scaleguard.rules.autoscalers.hpa_vpa_alias_metric as rule

overlap := {
	"id": 0,
	"type": "alias-metric",
	"workload": {"text": "Deployment web"},
	"resource": "cpu",
	"containers": ["app"],
	"scaler": {"text": "HorizontalPodAutoscaler shop/web"},
	"vpa": {"text": "VerticalPodAutoscaler shop/web", "mode": "Recreate", "target": "Deployment shop/web"},
	"expression": "container_cpu_usage_seconds_total_rate",
	"requestRelative": false,
	"path": "spec.metrics[0]",
}

judged(changes) := found if {
	document := {"overlaps": [object.union(overlap, changes)]}
	found := rule.findings with input as document
}

test_warns_and_quotes_the_metric if {
	found := judged({})
	count(found) == 1
	some finding in found
	finding.action == "warn"
	contains(finding.message, "\"container_cpu_usage_seconds_total_rate\" (spec.metrics[0])")
	not contains(finding.message, "relative to the request")
}

test_says_when_it_is_relative_to_the_request if {
	found := judged({"requestRelative": true})
	count(found) == 1
	some finding in found
	contains(finding.message, "reads cpu usage relative to the request")
}

test_tells_two_names_of_one_workload if {
	found := judged({"expression": null})
	count(found) == 1
	some finding in found
	contains(finding.message, "knows as Deployment shop/web")
}

test_other_overlaps_are_other_rules_matter if {
	judged({"type": "same-metric"}) == set()
}
