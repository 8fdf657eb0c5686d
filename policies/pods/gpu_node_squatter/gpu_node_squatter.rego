# METADATA
# title: A pod without accelerators that may sit on accelerator nodes
# description: >-
#   It tolerates an accelerator's taint and asks for no accelerator, so it can take the place of pods
#   that need one, and keeps a node autoscaler from removing the node. Pods of DaemonSets, mirror pods
#   and pods with resource claims are left out.
# custom:
#   rule: gpu-node-squatter
#   order: 110
#   default: warn
#   remedy: remove the toleration
package scaleguard.rules.pods.gpu_node_squatter

findings contains finding if {
	some squat in input.pod.squats
	finding := {
		"rule": "gpu-node-squatter",
		"action": "warn",
		"path": squat.path,
		"message": concat(" ", [
			input.pod.text, "may take the place of pods that need an accelerator, by tolerating",
			squat.taint, "without asking for one",
		]),
		"remedy": "remove the toleration; scaleguard adds it to the pods that ask for an accelerator",
	}
}
