# METADATA
# title: Two VPAs write the requests of one workload
# description: >-
#   Which of several VPAs acts on a pod is undefined by their documentation; in the code the oldest
#   wins at admission while the updater may evict pods for another.
# custom:
#   rule: duplicate-vpa
#   order: 30
#   default: deny
#   remedy: keep one VPA, or set updateMode "Off" in the other, which keeps its recommendations
package scaleguard.rules.autoscalers.duplicate_vpa

import data.scaleguard.lib.text

findings contains finding if {
	some overlap in input.overlaps
	overlap.type == "duplicate-vpa"
	finding := {
		"rule": "duplicate-vpa",
		"overlap": overlap.id,
		"action": text.unless_reduced("deny", overlap.reductions),
		"message": text.because(sentence(overlap), overlap.reductions),
		"remedy": concat("", ["keep one of them", otherwise(overlap)]),
	}
}

sentence(overlap) := concat(" ", [
	text.vpa(overlap.vpa),
	deed(overlap.vpa),
	concat("", [overlap.workload.text, ","]),
	"and",
	as_well(overlap),
])

# VPA counts one in mode Off with any startupBoost among those of which the oldest wins.
deed(vpa) := "has a startupBoost for" if {
	vpa.onlyBoosts
} else := "acts on"

as_well(overlap) := concat(" ", ["so does", text.vpa(overlap.other)]) if {
	overlap.vpa.onlyBoosts == overlap.other.onlyBoosts
} else := concat(" ", [text.vpa(overlap.other), deed(overlap.other), "it"])

otherwise(overlap) := recommending(overlap.other) if {
	overlap.other.onlyBoosts
} else := recommending(overlap.vpa) if {
	overlap.vpa.onlyBoosts
} else := concat(" ", [
	"; updateMode: \"Off\" without startupBoost in",
	overlap.other.text,
	"keeps its recommendations",
])

recommending(vpa) := concat("", [", or remove startupBoost from ", vpa.text, ", which then only recommends"])
