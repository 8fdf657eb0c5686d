# METADATA
# title: A VPA that does not do what it seems to do
# description: >-
#   Its policies control nothing, or YAML read an unquoted Off as a boolean, which the API server
#   refuses.
# custom:
#   rule: vpa-no-effect
#   order: 60
#   default: warn
#   remedy: quote "Off"; list the resources to control
package scaleguard.rules.autoscalers.vpa_no_effect

findings contains finding if {
	input.autoscaler.type == "vpa"
	is_string(input.autoscaler.ineffective)
	finding := {
		"rule": "vpa-no-effect",
		"action": "warn",
		"path": "spec.resourcePolicy.containerPolicies",
		"message": concat(" ", [input.object.text, "writes nothing:", input.autoscaler.ineffective]),
		"remedy": "list cpu or memory in controlledResources, or set updateMode: \"Off\"",
	}
}

findings contains finding if {
	input.autoscaler.type == "vpa"
	some path in input.autoscaler.unquoted
	finding := {
		"rule": "vpa-no-effect",
		"action": "warn",
		"path": path,
		"message": concat("", [input.object.text, ": ", path, " is a boolean, since YAML reads an unquoted Off as false"]),
		"remedy": "quote it (\"Off\"): the API server refuses a boolean",
	}
}
