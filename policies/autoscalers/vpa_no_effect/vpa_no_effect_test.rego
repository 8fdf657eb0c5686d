package scaleguard.rules.autoscalers.vpa_no_effect_test

import data.scaleguard.rules.autoscalers.vpa_no_effect as rule

plain := {"type": "vpa", "mode": "Recreate", "unquoted": [], "ineffective": null}

judged(changes) := found if {
	document := {
		"object": {"text": "VerticalPodAutoscaler shop/web"},
		"autoscaler": object.union(plain, changes),
	}
	found := rule.findings with input as document
}

test_one_that_works_is_left_alone if {
	judged({}) == set()
}

test_warns_when_nothing_is_controlled if {
	found := judged({"ineffective": "its policies control nothing"})
	count(found) == 1
	some finding in found
	finding.action == "warn"
	contains(finding.message, "writes nothing: its policies control nothing")
}

test_warns_of_every_unquoted_off if {
	found := judged({"unquoted": ["spec.updatePolicy.updateMode", "spec.resourcePolicy.containerPolicies[0].mode"]})
	{finding.path | some finding in found} == {
		"spec.updatePolicy.updateMode",
		"spec.resourcePolicy.containerPolicies[0].mode",
	}
	every finding in found {
		contains(finding.remedy, "quote it")
	}
}

test_scalers_are_other_rules_matter if {
	judged({"type": "scaler", "ineffective": "x"}) == set()
}
