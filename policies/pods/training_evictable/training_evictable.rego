# METADATA
# title: A training run that an autoscaler may end
# description: >-
#   The Cluster Autoscaler or Karpenter may evict the pod to remove its node, or the updater of a VPA to
#   change its requests; what was computed since the last checkpoint is lost. scaleguard protects
#   training pods by annotation where their class is sure; where it is a guess it only warns. A pod
#   that says itself that it may be moved is left out.
# custom:
#   rule: training-evictable
#   order: 100
#   default: warn
#   remedy: "annotate the pod template scaleguard.io/class: training; set the VPA's mode to Initial or Off"
package scaleguard.rules.pods.training_evictable

findings contains finding if {
	count(input.pod.evictable) > 0
	finding := {
		"rule": "training-evictable",
		"action": "warn",
		"path": input.pod.path,
		"message": concat("", [
			concat(" and ", input.pod.evictable), " may evict ", input.pod.text,
			" in the middle of a run (class training: ", input.pod.why, ")",
		]),
		"remedy": evictable_remedy,
	}
}

findings contains finding if {
	some overlap in input.overlaps
	overlap.type == "evicting-vpa"
	finding := {
		"rule": "training-evictable",
		"action": "warn",
		"overlap": overlap.id,
		"message": concat("", [
			overlap.vpa.text, " (mode ", overlap.vpa.mode, ") may evict ", input.pod.text,
			" in the middle of a run",
		]),
		"remedy": concat("", ["set updateMode of ", overlap.vpa.text, " to Initial or \"Off\""]),
	}
}

evictable_remedy := concat(" ", [
	"annotate the pod template scaleguard.io/class: training, and scaleguard protects its pods;",
	"or cluster-autoscaler.kubernetes.io/safe-to-evict: \"true\" if they may be moved",
]) if {
	input.pod.guessed
} else := concat(" ", [
	"annotate the pod template cluster-autoscaler.kubernetes.io/safe-to-evict: \"false\" and",
	"karpenter.sh/do-not-disrupt: \"true\", or do not switch protectFromEviction off for it",
])
