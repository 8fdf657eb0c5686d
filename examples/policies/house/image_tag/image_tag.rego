# METADATA
# title: An image of an AI workload that may be another one tomorrow
# description: >-
#   The tag of a container's image is `latest`, or it has none, which means the same. What a new pod
#   runs then depends on the day on which its node pulls it: replicas differ, and a rollback brings
#   nothing back.
# related_resources:
#   - https://kubernetes.io/docs/concepts/containers/images/#image-names
# custom:
#   rule: custom/image_tag
#   default: warn
#   remedy: give the image a tag that stays what it is, or its digest
package scaleguard.rules.house.image_tag

findings contains finding if {
	is_string(input.pod.class)
	some container in input.pod.containers
	container.tag == "latest"
	is_null(container.digest)
	finding := {
		"rule": "custom/image_tag",
		"action": "warn",
		"path": concat("", [container.path, ".image"]),
		"containers": [container.name],
		"message": concat("", [
			"container ", container.name, " of ", input.pod.text, " runs ", container.image,
			": its tag is latest",
		]),
	}
}
