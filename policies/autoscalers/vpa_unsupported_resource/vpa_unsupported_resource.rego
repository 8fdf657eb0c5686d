# METADATA
# title: A VPA that names a resource which VPA does not know
# description: >-
#   VPA recommends and writes cpu and memory, nothing else: GPU keys in controlledResources, minAllowed or
#   maxAllowed do nothing.
# custom:
#   rule: vpa-unsupported-resource
#   order: 62
#   default: warn
#   remedy: remove everything but cpu and memory
package scaleguard.rules.autoscalers.vpa_unsupported_resource

findings contains finding if {
	input.autoscaler.type == "vpa"
	some named in input.autoscaler.unsupported
	finding := {
		"rule": "vpa-unsupported-resource",
		"action": "warn",
		"path": named.path,
		"resourceName": named.resource,
		"containers": [name | name := named.container; name != "*"],
		"message": concat(" ", [
			input.object.text,
			"names",
			named.resource,
			"in",
			named.field,
			"of container",
			concat("", ["\"", named.container, "\","]),
			"where it does nothing: VPA knows cpu and memory only",
		]),
		"remedy": concat("", [
			"remove ",
			named.resource,
			" there; how much of it a pod gets is said in its own resources, and how many pods there are by an HPA",
		]),
	}
}
