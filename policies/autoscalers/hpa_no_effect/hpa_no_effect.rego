# METADATA
# title: An HPA that cannot change the replicas
# description: >-
#   minReplicas equals maxReplicas, behavior disables both directions, or the workload has 0 replicas,
#   which only the HPA that brought it there raises again.
# custom:
#   rule: hpa-no-effect
#   order: 50
#   default: warn
#   remedy: widen minReplicas and maxReplicas, or delete the HPA
package scaleguard.rules.autoscalers.hpa_no_effect

findings contains finding if {
	input.autoscaler.type == "scaler"
	input.autoscaler.active
	is_string(input.autoscaler.inert)
	finding := {
		"rule": "hpa-no-effect",
		"action": "warn",
		"path": input.autoscaler.inertPath,
		"message": concat(" ", [input.object.text, "never changes the replicas:", input.autoscaler.inert]),
		"remedy": "widen the bounds or enable a direction, or delete it",
	}
}

findings contains finding if {
	input.autoscaler.type == "scaler"
	input.autoscaler.active
	is_string(input.autoscaler.restsAt)
	finding := {
		"rule": "hpa-no-effect",
		"action": "warn",
		"path": "spec.scaleTargetRef",
		"message": concat(" ", [input.object.text, "rests:", input.autoscaler.restsAt, "has 0 replicas, and an HPA does not start it again"]),
		"remedy": "scale the workload up to let it act",
	}
}
