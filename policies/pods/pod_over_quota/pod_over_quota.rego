# METADATA
# title: An AI pod that a ResourceQuota will refuse
# description: >-
#   What the pod asks for, with all that scaleguard adds, is more than a quota of its namespace leaves,
#   or lacks a request or limit that the quota wants on every container. Pods are then refused one by
#   one, and only their controller is told. scaleguard never shrinks a pod to fit a quota.
# custom:
#   rule: pod-over-quota
#   order: 80
#   default: warn
#   remedy: ask for less, set what is missing, or have the quota raised
package scaleguard.rules.pods.pod_over_quota

findings contains finding if {
	some refusal in input.pod.quota
	finding := {
		"rule": "pod-over-quota",
		"action": "warn",
		"path": input.pod.specPath,
		"resourceName": refusal.resource,
		"message": concat(" ", [
			input.pod.text, "would be refused by ResourceQuota",
			concat("", [refusal.quota, ":"]), refusal.text,
		]),
		"remedy": refusal.remedy,
	}
}
