# METADATA
# title: Two autoscalers of replicas on one workload
# description: >-
#   Two HPAs whose selectors meet both stop computing metrics (AmbiguousSelector) while their bounds
#   still pull at the replicas; a ScaledObject brings an HPA of its own.
# custom:
#   rule: duplicate-hpa
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
		"action": text.unless_reduced("deny", overlap.reductions),
		"message": text.because(sentence(overlap), overlap.reductions),
		"remedy": concat(" ", [
			"put all metrics into one of them and delete the other, for instance: kubectl delete",
			lower(overlap.other.kind),
			"-n",
			overlap.other.namespace,
			overlap.other.name,
		]),
	}
}

sentence(overlap) := concat("", [
	overlap.scaler.text,
	" scales ",
	overlap.workload.text,
	", which ",
	overlap.other.text,
	" scales already",
])
