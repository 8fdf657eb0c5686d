# METADATA
# title: A server whose added pods get no traffic, or too early
# description: >-
#   No Service or InferencePool selects the pods of a server that an HPA scales, a Service sends to a port
#   that no container has, or no container has a readiness probe: adding pods then relieves nothing, or
#   requests fail while they start.
# custom:
#   rule: hpa-not-load-balanced
#   order: 52
#   default: warn
#   remedy: let a Service select the pods, and give their container a readinessProbe
package scaleguard.rules.autoscalers.hpa_not_load_balanced

findings contains finding if {
	input.autoscaler.type == "scaler"
	not is_string(input.autoscaler.inert)
	count(faults) > 0
	finding := {
		"rule": "hpa-not-load-balanced",
		"action": "warn",
		"path": "spec.scaleTargetRef",
		"message": concat("", [
			input.object.text,
			" adds pods to ",
			input.autoscaler.workload,
			" (",
			traffic.server,
			"): ",
			concat("; ", [fault.what | some fault in faults]),
		]),
		"remedy": concat("; ", [fault.remedy | some fault in faults]),
	}
}

traffic := input.autoscaler.traffic if {
	is_object(input.autoscaler.traffic)
}

# In the order in which they matter: one finding tells all of them.
faults := array.concat(unselected, array.concat(unmatched, unready))

default unselected := []

unselected := [{
	"what": "no Service selects them, so they get no traffic",
	"remedy": selecting,
}] if {
	traffic.unselected
}

selecting := concat("", [traffic.near.text, " asks for ", traffic.near.asks, ": let it select ", traffic.labels]) if {
	is_object(traffic.near)
} else := concat("", ["add a Service that selects ", traffic.labels])

unmatched := [fault |
	some port in traffic.unmatched
	fault := {
		"what": concat("", [port.service, " sends to port ", port.port, " (", port.protocol, "), which no container has"]),
		"remedy": concat("", ["give a ", port.protocol, " port of a container the name ", port.port, ", or set the targetPort of ", port.service]),
	}
]

default unready := []

unready := [{
	"what": concat("", ["no container has a readiness probe, so ", traffic_comes]),
	"remedy": concat("", ["give container ", traffic.container, " a readinessProbe"]),
}] if {
	traffic.unready
}

# A startup probe holds back the pod's readiness until it has passed.
traffic_comes := "traffic goes on to a pod that has started and no longer answers" if {
	traffic.started
} else := "traffic comes before they can answer"
