# METADATA
# title: An HPA that cannot change the replicas
# description: minReplicas equals maxReplicas, or behavior disables both directions.
# custom:
#   rule: hpa-no-effect
#   default: warn
#   remedy: widen minReplicas and maxReplicas, or delete the HPA
package scaleguard.rules.autoscalers.hpa_no_effect

findings contains finding if {
	input.autoscaler.type == "scaler"
	input.autoscaler.active
	input.autoscaler.inert != null
	finding := {
		"rule": "hpa-no-effect",
		"action": "warn",
		"path": input.autoscaler.inertPath,
		"message": concat(" ", [input.object.text, "never changes the replicas:", input.autoscaler.inert]),
		"remedy": "widen the bounds or enable a direction, or delete it",
	}
}
