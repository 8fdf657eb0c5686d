# METADATA
# title: A VPA on what it cannot act on
# description: >-
#   VPA acts on the topmost owner of pods that is a well-known kind or has /scale. On an object below that,
#   on a kind without /scale or on one that is not there it writes nothing.
# custom:
#   rule: vpa-wrong-target
#   order: 55
#   default: warn
#   remedy: target the topmost scalable owner of the pods
package scaleguard.rules.autoscalers.vpa_wrong_target

findings contains finding if {
	input.autoscaler.type == "vpa"
	is_string(fault.why)
	finding := {
		"rule": "vpa-wrong-target",
		"action": "warn",
		"path": "spec.targetRef",
		"message": concat(" ", [input.object.text, "targets", concat("", [input.autoscaler.target.text, ","]), fault.why]),
		"remedy": fault.remedy,
	}
}

fault := {
	"why": concat(" ", ["which", input.autoscaler.target.owner, "owns: the VPA writes nothing"]),
	"remedy": concat(" ", ["target", input.autoscaler.target.owner]),
} if {
	is_string(input.autoscaler.target.owner)
} else := {
	"why": concat(" ", ["a kind of group", input.autoscaler.target.group, "without /scale: VPA does not find its pods"]),
	"remedy": "target the workload that makes the pods: a Deployment, StatefulSet or another kind with /scale",
} if {
	input.autoscaler.target.scalable == false
} else := {
	"why": "which is not there",
	"remedy": "correct kind and name of the target, or delete the VPA",
} if {
	input.autoscaler.target.missing == true
}
