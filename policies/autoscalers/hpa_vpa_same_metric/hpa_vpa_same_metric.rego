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
	met(overlap),
])

# The containers on which they meet; while the workload is unknown it may be all but some.
met(overlap) := text.containers(overlap.containers) if {
	count(object.get(overlap, "otherThan", [])) == 0
} else := concat(" ", ["every container other than", concat(" or ", overlap.otherThan)])

# The conditions are told, and what of them the template breaks, where it is known.
safe_when(overlap) := [concat(" ", [
	"safe only with RequestsOnly, no",
	overlap.resource,
	"limit, and minAllowed of all containers together at or above",
	concat("", [overlap.metric.target, as_it_is(overlap)]),
])] if {
	input.settings.strictness == "feedback"
	overlap.metric.targetType == "AverageValue"
} else := []

as_it_is(overlap) := "" if {
	is_null(overlap.conditions)
} else := ": all of that holds now" if {
	count(broken(overlap)) == 0
} else := concat("", [", but now ", concat(", and ", broken(overlap))])

broken(overlap) := array.concat(unset(overlap), array.concat(limited(overlap), short(overlap)))

unset(overlap) := [concat(" ", ["RequestsOnly is not set for", text.containers(overlap.conditions.unset)])] if {
	count(overlap.conditions.unset) > 0
} else := []

limited(overlap) := [concat(" ", ["there is a", overlap.resource, "limit on", text.containers(overlap.conditions.limited)])] if {
	count(overlap.conditions.limited) > 0
} else := []

short(overlap) := [] if {
	overlap.conditions.enough
} else := [concat(" ", ["together they may request as little as", overlap.conditions.least])]

deed(overlap) := concat(" ", ["raises at start the", overlap.resource, "request"]) if {
	overlap.boost
} else := concat(" ", ["sets the", overlap.resource, "request"])

remedy(overlap) := concat(" ", ["set", overlap.fix, "in", overlap.vpa.text]) if {
	is_string(overlap.fix)
} else := concat(" ", ["remove", overlap.boostedBy, "from", overlap.vpa.text]) if {
	overlap.boost
} else := concat(" ", [
	"let", overlap.vpa.text, "give up", concat("", [overlap.resource, ":"]),
	"its spec.resourcePolicy is not as VPA reads it, and was left out",
])
