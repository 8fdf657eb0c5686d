# METADATA
# title: Two autoscalers of replicas on one workload
# description: >-
#   Two HPAs whose selectors meet both stop computing metrics (AmbiguousSelector) while their bounds
#   still pull at the replicas; a ScaledObject brings an HPA of its own. HPAs of two workloads stop
#   as well where one workload selects the pods of the other: that is a warning.
# custom:
#   rule: duplicate-hpa
#   order: 20
#   default: deny
#   remedy: put all metrics into one HPA or ScaledObject and delete the other
package scaleguard.rules.autoscalers.duplicate_hpa

import data.scaleguard.lib.text

findings contains finding if {
	some overlap in input.overlaps
	overlap.type == "duplicate-scaler"
	finding := {
		"rule": "duplicate-hpa",
		"overlap": overlap.id,
		"action": tolerance(overlap),
		"message": text.because(sentence(overlap), overlap.reductions),
		"remedy": remedy(overlap),
	}
}

findings contains finding if {
	some overlap in input.overlaps
	overlap.type == "shared-pods"
	finding := {
		"rule": "duplicate-hpa",
		"overlap": overlap.id,
		"action": "warn",
		"message": concat("", [
			overlap.selecting,
			" selects the pods of ",
			overlap.selected,
			" as well (",
			overlap.selector,
			"), so ",
			overlap.scaler.text,
			" and ",
			overlap.other.text,
			" both stop while it has pods (AmbiguousSelector)",
		]),
		"remedy": concat(" ", [
			"give the pods of each a label that the other's have not, and have its selector ask for it",
			"(a selector cannot be changed: create the workload anew)",
		]),
	}
}

# The HPA itself says to KEDA that it may stand beside a ScaledObject (hpa-ownership).
tolerance(overlap) := "audit" if {
	overlap.tolerated
} else := text.unless_reduced("deny", overlap.reductions)

sentence(overlap) := concat("", [
	overlap.scaler.text,
	" scales ",
	overlap.workload.text,
	", and so does ",
	overlap.other.text,
])

# KServe's scaler has no object of its own that could be deleted.
remedy(overlap) := concat(" ", [
	"annotate",
	owner(overlap).text,
	"with serving.kserve.io/autoscalerClass: external, so that KServe leaves the replicas alone, or delete the other",
]) if {
	is_object(owner(overlap))
} else := concat(" ", [
	"put all metrics into one of them and delete the other, for instance: kubectl delete",
	lower(overlap.other.kind),
	"-n",
	overlap.other.namespace,
	overlap.other.name,
]) if {
	# What is still to be named (generateName) cannot be deleted by name.
	is_string(overlap.other.name)
} else := "put all metrics into one of them and delete the other"

owner(overlap) := overlap.scaler if {
	overlap.scaler.implied
} else := overlap.other if {
	overlap.other.implied
} else := null
