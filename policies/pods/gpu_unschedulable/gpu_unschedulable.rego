# METADATA
# title: An accelerator pod that no known node can take
# description: >-
#   What the pod asks for, with all that scaleguard adds, fits no node shape that is known: neither a
#   node of the cluster nor a shape of the configuration. It stays Pending, and a node autoscaler adds
#   no node for it. Without any known shape nothing is said.
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
		"message": concat(" ", ["the pods of", input.object.text, "fit no known node:", input.pod.unschedulable]),
		"remedy": "ask for what one of these nodes gives; if another pool does, write its shape into nodeShapes of the configuration",
	}
}
