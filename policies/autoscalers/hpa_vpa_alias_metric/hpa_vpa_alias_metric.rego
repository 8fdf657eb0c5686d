# METADATA
# title: A metric or target under another name hides the same conflict
# description: >-
#   A custom or external metric (or a query) reads cpu or memory usage of pods whose request a VPA
#   sets; or the autoscalers name one workload in two ways (Argo Rollout and its Deployment), or two
#   that stand above the same pods (KAITO's InferenceSet and the Deployment of its Workspace).
# custom:
#   rule: hpa-vpa-alias-metric
#   order: 40
#   default: warn
#   remedy: let the VPA give up the resource behind the metric, or scale on load instead of usage
package scaleguard.rules.autoscalers.hpa_vpa_alias_metric

import data.scaleguard.lib.text

findings contains finding if {
	some overlap in input.overlaps
	overlap.type == "alias-metric"
	finding := {
		"rule": "hpa-vpa-alias-metric",
		"overlap": overlap.id,
		"action": "warn",
		"message": message(overlap),
		"remedy": concat(" ", [
			"let",
			overlap.vpa.text,
			"leave",
			overlap.resource,
			"alone, or scale on load (requests, queue length) instead",
		]),
	}
}

message(overlap) := concat(" ", [
	overlap.scaler.text,
	"scales",
	concat("", [overlap.workload.text, ","]),
	"which",
	overlap.vpa.text,
	"knows as",
	overlap.vpa.target,
	"and whose",
	overlap.resource,
	"request it sets on",
	text.containers(overlap.containers),
]) if {
	is_null(overlap.expression)
	not overlap.above
} else := concat(" ", [
	overlap.scaler.text,
	"scales",
	overlap.workload.text,
	"on",
	concat("", [overlap.resource, ","]),
	"and with it the pods of",
	concat("", [overlap.vpa.target, ","]),
	"whose",
	overlap.resource,
	"request",
	text.vpa(overlap.vpa),
	"sets on",
	text.containers(overlap.containers),
]) if {
	is_null(overlap.expression)
} else := concat("", [
	overlap.scaler.text,
	" scales ",
	overlap.workload.text,
	" on \"",
	overlap.expression,
	"\" (",
	overlap.path,
	"), which reads ",
	overlap.resource,
	" usage",
	relative(overlap),
	", while ",
	text.vpa(overlap.vpa),
	" sets the ",
	overlap.resource,
	" request of ",
	text.containers(overlap.containers),
])

relative(overlap) := concat(" ", ["", "relative to the", overlap.relativeTo]) if {
	is_string(overlap.relativeTo)
} else := ""
