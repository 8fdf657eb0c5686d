# METADATA
# title: A metric in percent of a request that a container does not have
# description: >-
#   A Utilization target is usage divided by the request. Where one container that it covers has none,
#   the whole metric fails, and while one metric fails nothing is scaled down.
# custom:
#   rule: hpa-missing-request
#   order: 42
#   default: warn
#   remedy: set the request on every container, or scale on an averageValue
package scaleguard.rules.autoscalers.hpa_missing_request

import data.scaleguard.lib.text

findings contains finding if {
	some metric in metrics
	count(metric.lacking) > 0
	finding := {
		"rule": "hpa-missing-request",
		"action": "warn",
		"path": metric.path,
		"resourceName": metric.resource,
		"containers": metric.lacking,
		"message": concat(" ", [
			divides(metric),
			"and",
			text.containers(metric.lacking),
			has(metric.lacking),
			"none: the metric fails, and while one fails nothing is scaled down",
		]),
		"remedy": concat("", [
			"set resources.requests.",
			metric.resource,
			" on ",
			text.containers(metric.lacking),
			", or scale on an averageValue",
		]),
	}
}

# It works, and means something only to those who know our figures.
findings contains finding if {
	some metric in metrics
	count(metric.lacking) == 0
	count(metric.given) > 0
	finding := {
		"rule": "hpa-missing-request",
		"action": "audit",
		"path": metric.path,
		"resourceName": metric.resource,
		"containers": [gift.container | some gift in metric.given],
		"message": concat(" ", [
			divides(metric),
			"which is a figure of scaleguard on",
			concat("; ", [figure(gift) | some gift in metric.given]),
		]),
		"remedy": concat("", ["set resources.requests.", metric.resource, " yourself, so that the target is a share of what you mean"]),
	}
}

metrics contains metric if {
	input.autoscaler.type == "scaler"
	not is_string(input.autoscaler.inert)
	some metric in input.autoscaler.metrics
}

divides(metric) := concat(" ", [
	input.object.text,
	"scales",
	input.autoscaler.workload,
	"on",
	metric.resource,
	concat("", [text.metric(metric), ", a share of the request,"]),
])

has([_]) := "has"

has(names) := "have" if count(names) > 1

figure(gift) := concat("", ["container ", gift.container, ": ", gift.value, " (", gift.source, ")"])
