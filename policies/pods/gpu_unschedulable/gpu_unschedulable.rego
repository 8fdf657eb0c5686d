# METADATA
# title: An accelerator pod that no known node can take
# description: >-
#   What the pod asks for, with all that scaleguard adds, fits no node shape that is known: neither a
#   node of the cluster nor a shape of the configuration. It stays Pending, and a node autoscaler adds
#   no node for it. Without any known shape only resources that nobody gives are told: those whose
#   names are nearly that of an accelerator.
# custom:
#   rule: gpu-unschedulable
#   order: 70
#   default: warn
#   remedy: ask for what a node gives, or add the pool's shape to nodeShapes
package scaleguard.rules.pods.gpu_unschedulable

findings contains finding if {
	is_string(input.pod.unschedulable)
	finding := {
		"rule": "gpu-unschedulable",
		"action": "warn",
		"path": input.pod.specPath,
		"message": concat("", [input.pod.text, " can run on no known node: ", input.pod.unschedulable]),
		"remedy": "ask for what one of these nodes gives, or tolerate its taint (extraTolerations of the configuration); if another pool takes it, write its shape into nodeShapes",
	}
}

findings contains finding if {
	some resource in input.pod.misspelt
	finding := {
		"rule": "gpu-unschedulable",
		"action": "warn",
		"path": input.pod.specPath,
		"resourceName": resource.name,
		"message": concat("", [
			input.pod.text, " can run on no known node: nothing is known to give ", resource.name,
		]),
		"remedy": concat("", ["write ", resource.meant, ", if that is meant"]),
	}
}
