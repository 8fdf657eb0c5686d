# METADATA
# title: A scaler that may want more accelerators than its namespace has
# description: >-
#   At maxReplicas the pods of the workload would need more accelerators than a ResourceQuota of the
#   namespace allows. The last replicas would never start, and only an event would say so.
# related_resources:
#   - https://kubernetes.io/docs/concepts/policy/resource-quotas/
# custom:
#   rule: custom/gpu_quota
#   default: deny
#   remedy: lower maxReplicas, or have the quota raised
package scaleguard.rules.house.gpu_quota

findings contains finding if {
	some quota in input.namespace.quotas
	not quota.scoped
	some name, per_pod in input.autoscaler.accelerators
	is_number(per_pod)
	allowed := quota.hard[concat("", ["requests.", name])]
	needed := input.autoscaler.maxReplicas * per_pod
	needed > allowed
	finding := {
		"rule": "custom/gpu_quota",
		"action": "deny",
		"path": "spec.maxReplicas",
		"resourceName": name,
		"message": concat("", [
			input.object.text, " may grow to ", format_int(input.autoscaler.maxReplicas, 10),
			" pods with ", format_int(needed, 10), " ", name, "; ResourceQuota ", quota.name,
			" allows ", format_int(allowed, 10),
		]),
		"remedy": "lower maxReplicas, or have the quota raised",
	}
}
