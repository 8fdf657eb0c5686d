# METADATA
# title: A workload in a queue of Kueue whose template lacks what its pods would get
# description: >-
#   Kueue compares the flavours of a queue with the template of the suspended workload. Without the
#   toleration there it finds none among flavours whose nodes are tainted, and never starts the workload,
#   so no pod is made that could be mutated; and requests that pods get later are not counted in its
#   quota. scaleguard mutates pods, not templates, unless kueue.mutateTemplates is set.
# custom:
#   rule: kueue-template-unfitted
#   order: 90
#   default: warn
#   remedy: write what is missing into the template, or set kueue.mutateTemplates
package scaleguard.rules.pods.kueue_template_unfitted

findings contains finding if {
	is_object(input.pod.kueue)
	finding := {
		"rule": "kueue-template-unfitted",
		"action": "warn",
		"path": input.pod.specPath,
		"message": concat("", [
			input.object.text, " waits in queue ", input.pod.kueue.queue,
			" of Kueue, which looks at the template, and that lacks ", input.pod.kueue.missing,
		]),
		"remedy": remedy,
	}
}

remedy := concat("", ["write this JSON patch into its manifest and create it again, without the requests if the queue counts no cpu and memory: ", input.pod.kueue.patch]) if {
	is_string(input.pod.kueue.patch)
} else := "write that where it describes its pods"
