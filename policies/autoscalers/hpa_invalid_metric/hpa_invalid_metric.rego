# METADATA
# title: A metric that there is not
# description: >-
#   metrics.k8s.io has cpu and memory only, so a Resource metric of anything else never has a value; nor
#   has one of a container that the workload does not have.
# custom:
#   rule: hpa-invalid-metric
#   order: 44
#   default: warn
#   remedy: scale on cpu or memory of a container that there is, or on an External or Pods metric
package scaleguard.rules.autoscalers.hpa_invalid_metric

findings contains finding if {
	some metric in metrics
	not metric.served
	finding := {
		"rule": "hpa-invalid-metric",
		"action": "warn",
		"path": metric.path,
		"resourceName": metric.resource,
		"containers": [name | name := metric.container; is_string(name)],
		"message": concat(" ", [
			subject,
			metric.resource,
			concat("", ["(", metric.path, "),"]),
			"which no metrics server serves: metrics.k8s.io has cpu and memory only",
		]),
		"remedy": "scale on cpu or memory, or on an External or Pods metric that an adapter or KEDA serves (of GPUs: DCGM_FI_DEV_GPU_UTIL)",
	}
}

findings contains finding if {
	some metric in metrics
	metric.served
	not metric.known
	finding := {
		"rule": "hpa-invalid-metric",
		"action": "warn",
		"path": metric.path,
		"resourceName": metric.resource,
		"containers": [metric.container],
		"message": concat(" ", [
			subject,
			metric.resource,
			"of container",
			metric.container,
			concat("", ["(", metric.path, "),"]),
			"which is none of those that keep running in its pods:",
			concat(", ", metric.names),
		]),
		"remedy": "name a container that runs in the pods; one that is injected into them is not known here",
	}
}

metrics contains metric if {
	input.autoscaler.type == "scaler"
	some metric in input.autoscaler.metrics
}

subject := concat(" ", [input.object.text, "scales", input.autoscaler.workload, "on"])
