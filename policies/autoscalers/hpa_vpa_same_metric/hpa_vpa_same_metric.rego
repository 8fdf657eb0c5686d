# METADATA
# title: An autoscaler of replicas and a VPA act on the same metric of one workload
# description: >-
#   A Utilization target is usage divided by the request. The VPA rewrites the request, so whichever
#   acts moves what the other reads; the outcome is many small pods, or oscillation.
# custom:
#   rule: hpa-vpa-same-metric
#   order: 10
#   default: deny
#   remedy: let the VPA give up the resource that the HPA or ScaledObject scales on
package scaleguard.rules.autoscalers.hpa_vpa_same_metric

import data.scaleguard.lib.text

findings contains finding if {
	some overlap in input.overlaps
	overlap.type == "same-metric"
	not sanctioned(overlap)
	reasons := array.concat(overlap.reductions, safe_when(overlap))
	finding := {
		"rule": "hpa-vpa-same-metric",
		"overlap": overlap.id,
		"action": action(overlap, reasons),
		"message": text.because(sentence(overlap), told(overlap, reasons)),
		"remedy": remedy(overlap),
	}
}

# A startup boost alone is a warning unless configuration says otherwise.
action(overlap, reasons) := "deny" if {
	count(reasons) == 0
} else := input.settings.startupBoost if {
	overlap.boost
	count(reasons) == 1
} else := "warn"

# GKE's one sanctioned combination shares cpu, never memory.
sanctioned(overlap) if {
	input.settings.gkeRightsizing
	overlap.vpa.gkeRightsizing
	overlap.resource == "cpu"
}

# What makes a finding milder is told only where it does.
told(overlap, reasons) := [] if {
	action(overlap, reasons) == "deny"
} else := reasons

sentence(overlap) := concat(" ", [
	overlap.scaler.text,
	"scales",
	overlap.workload.text,
	"on",
	overlap.resource,
	text.metric(overlap.metric),
	"while",
	text.vpa(overlap.vpa),
	deed(overlap),
	"of",
	text.containers(overlap.containers),
])

safe_when(overlap) := [concat(" ", [
	"safe only with RequestsOnly, no",
	overlap.resource,
	"limit, and minAllowed of all containers together at or above",
	overlap.metric.target,
])] if {
	input.settings.strictness == "feedback"
	overlap.metric.targetType == "AverageValue"
} else := []

deed(overlap) := concat(" ", ["raises the", overlap.resource, "request at start"]) if {
	overlap.boost
} else := concat(" ", ["sets the", overlap.resource, "request"])

remedy(overlap) := concat(" ", ["set", overlap.fix, "in", overlap.vpa.text]) if {
	is_string(overlap.fix)
} else := concat(" ", ["remove startupBoost from", overlap.vpa.text])
