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
		"fix": "quote",
	}
}

findings contains finding if {
	input.autoscaler.type == "vpa"
	some policy in input.autoscaler.unknownPolicies
	finding := {
		"rule": "vpa-no-effect",
		"action": "warn",
		"path": policy.path,
		"containers": [policy.container],
		"message": concat("", [
			input.object.text, " has a policy for container ", policy.container, ", which ", policy.workload,
			" does not have: the policy does nothing unless something else puts such a container into the pods",
		]),
		"remedy": concat("", ["name ", there(policy.names), ", or remove the policy"]),
	}
}

there([one]) := concat(" ", ["container", one])

there(names) := concat(" ", ["one of", concat(", ", names)]) if count(names) != 1

# ---------------------------------------------------------------- pods that run

findings contains finding if {
	input.autoscaler.type == "vpa"
	few := input.autoscaler.updates.tooFewReplicas
	is_object(few)
	finding := {
		"rule": "vpa-no-effect",
		"action": "warn",
		"path": "spec.updatePolicy.minReplicas",
		"message": concat("", [
			input.object.text, " (mode ", input.autoscaler.mode, ") never changes running pods: ",
			having(few), ", and VPA leaves fewer than ", format_int(few.required, 10), " alone",
			source(few), "; new requests come only with pods that are created anyway",
		]),
		"remedy": remedy_for_few(few),
	}
}

having(few) := concat(" ", [few.scaler, "allows", input.autoscaler.updates.workload, "no more than", replicas(few.replicas)]) if {
	is_string(few.scaler)
} else := concat(" ", [input.autoscaler.updates.workload, "has", replicas(few.replicas)])

replicas(1) := "1 replica"

replicas(many) := concat(" ", [format_int(many, 10), "replicas"]) if many > 1

source(few) := " (the updater's default)" if {
	few.defaulted
} else := " (spec.updatePolicy.minReplicas)"

remedy_for_few(few) := "set spec.updatePolicy.minReplicas: 1 if the only pod may be replaced, or updateMode: \"Initial\" if not" if {
	few.replicas == 1
} else := concat("", [enough(few), ", or set spec.updatePolicy.minReplicas: ", format_int(few.replicas, 10)])

enough(few) := concat(" ", ["let", few.scaler, "bring", replicas(few.required)]) if {
	is_string(few.scaler)
} else := concat(" ", ["run", replicas(few.required)])

findings contains finding if {
	input.autoscaler.type == "vpa"
	blocked := input.autoscaler.updates.blockedByBudgets
	is_object(blocked)
	finding := {
		"rule": "vpa-no-effect",
		"action": "warn",
		"path": "spec.updatePolicy.updateMode",
		"message": concat("", [
			input.object.text, " (mode ", input.autoscaler.mode, ") evicts pods to change them",
			in_place, ", and ", obstacle(blocked),
			": new requests come only with pods that are created anyway",
		]),
		"remedy": concat("", [way_out(blocked), ", or set updateMode: \"Initial\""]),
	}
}

in_place := " where they cannot be resized in place" if {
	input.autoscaler.mode == "InPlaceOrRecreate"
} else := ""

obstacle(blocked) := concat("", ["PodDisruptionBudget ", blocked.budgets[0], " (", blocked.why, ") lets none of ", input.autoscaler.updates.workload, " go"]) if {
	count(blocked.budgets) == 1
} else := concat("", ["PodDisruptionBudgets ", concat(", ", blocked.budgets), " select the same pods of ", input.autoscaler.updates.workload, ", which Kubernetes then evicts for nobody"])

way_out(blocked) := concat("", ["let one pod go (maxUnavailable: 1) in PodDisruptionBudget ", blocked.budgets[0]]) if {
	count(blocked.budgets) == 1
} else := "leave one PodDisruptionBudget for them"
