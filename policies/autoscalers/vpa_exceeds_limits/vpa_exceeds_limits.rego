# METADATA
# title: A VPA whose bounds are beyond what its pods may have
# description: >-
#   minAllowed or maxAllowed is more than a LimitRange, a ResourceQuota or the largest known node allows.
#   VPA itself keeps to LimitRanges, but raises to minAllowed after that; quotas and nodes it does not look
#   at. Pods are then refused, or stay Pending, once VPA has changed them.
# custom:
#   rule: vpa-exceeds-limits
#   order: 64
#   default: warn
#   remedy: lower the bound to what the finding names, or have the limit raised
package scaleguard.rules.autoscalers.vpa_exceeds_limits

findings contains finding if {
	some overlap in input.overlaps
	overlap.type == "vpa-limit"
	finding := {
		"rule": "vpa-exceeds-limits",
		"overlap": overlap.id,
		"action": "warn",
		"message": concat("", [
			overlap.vpa.text, " (mode ", overlap.vpa.mode, ") sets ", overlap.field, " ", overlap.resource, " ",
			concat(" and ", [value | some value in values(overlap)]), asked(overlap), ", beyond the ", limit(overlap), ": ", outcome(overlap),
		]),
		"remedy": concat("", [less(overlap), ", or ", more(overlap)]),
	}
}

findings contains finding if {
	input.autoscaler.type == "vpa"
	some policy in input.autoscaler.minAboveMax
	finding := {
		"rule": "vpa-exceeds-limits",
		"action": "warn",
		"path": policy.path,
		"resourceName": policy.resource,
		"containers": [name | name := policy.container; name != "*"],
		"message": concat("", [
			input.object.text, " sets minAllowed ", policy.resource, " ", policy.least, " for ", named(policy.container),
			", more than its maxAllowed ", policy.most, ": VPA's webhook refuses that, and without it maxAllowed is what counts",
		]),
		"remedy": concat("", ["raise maxAllowed ", policy.resource, " to ", policy.least, " or more, or lower minAllowed"]),
	}
}

values(overlap) := [concat(" ", [one.value, "for", named(one.container)]) | some one in overlap.values]

named("*") := "container \"*\""

named(name) := concat(" ", ["container", name]) if name != "*"

# What that comes to: nothing more is said where it is the bound itself.
asked(overlap) := "" if {
	overlap.limit.per == "container"
	overlap.asked == overlap.values[0].value
} else := concat("", [", with which its limit becomes ", overlap.asked]) if {
	overlap.limit.per == "container"
} else := concat("", [", with which one pod has ", overlap.of, " of ", overlap.asked, " in all"]) if {
	overlap.field == "minAllowed"
} else := concat("", [", with which one pod may have ", overlap.of, " of ", overlap.asked, " in all"])

limit(overlap) := concat("", [overlap.limit.most, " that LimitRange ", overlap.limit.name, " allows a ", overlap.limit.per]) if {
	overlap.limit.kind == "LimitRange"
} else := concat("", [overlap.limit.most, " that ResourceQuota ", overlap.limit.name, " allows all pods together"]) if {
	overlap.limit.kind == "ResourceQuota"
} else := concat("", [overlap.limit.most, " of ", overlap.limit.name, ", the largest known node that takes it"])

outcome(overlap) := "VPA itself keeps requests and limits within the LimitRange, so it never writes that much" if {
	overlap.capped
} else := "VPA raises to minAllowed whatever a LimitRange says, and then the pods are refused" if {
	overlap.limit.kind == "LimitRange"
	overlap.field == "minAllowed"
} else := "VPA keeps only limits within it, and pods are refused once their requests are recommended that high" if {
	overlap.limit.kind == "LimitRange"
} else := concat(" ", ["VPA looks at no quota, and then the pods are refused", when(overlap)]) if {
	overlap.limit.kind == "ResourceQuota"
} else := concat(" ", ["VPA looks at no node, and then the pods stay Pending", when(overlap)])

when(overlap) := "as soon as it changes them" if {
	overlap.field == "minAllowed"
} else := "once that much is recommended"

less(overlap) := concat("", ["set ", overlap.field, " ", overlap.resource, " to ", overlap.setTo, " or less"]) if {
	is_string(overlap.setTo)
} else := concat("", ["lower ", overlap.field, " ", overlap.resource, " of these containers until they keep to it"]) if {
	overlap.limit.per == "container"
} else := concat("", ["lower ", overlap.field, " ", overlap.resource, " of these containers by ", overlap.over, " together"])

more(overlap) := concat(" ", ["raise max in LimitRange", overlap.limit.name]) if {
	overlap.limit.kind == "LimitRange"
} else := concat(" ", ["have ResourceQuota", overlap.limit.name, "raised"]) if {
	overlap.limit.kind == "ResourceQuota"
} else := "if a larger node takes it, write its shape into nodeShapes"
