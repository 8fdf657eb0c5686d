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
		"remedy": concat(" ", [
			"keep one of them; updateMode: \"Off\" without startupBoost in",
			overlap.other.text,
			"keeps its recommendations",
		]),
	}
}

sentence(overlap) := concat(" ", [
	text.vpa(overlap.vpa),
	"acts on",
	concat("", [overlap.workload.text, ","]),
	"and so does",
	text.vpa(overlap.other),
])
