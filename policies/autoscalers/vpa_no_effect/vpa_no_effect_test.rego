package scaleguard.rules.autoscalers.vpa_no_effect_test

working := {
	"type": "vpa",
	"mode": "Recreate",
	"unquoted": [],
	"ineffective": null,
	"writes": true,
}

document(changes) := {
	"object": {"text": "VerticalPodAutoscaler shop/web"},
	"autoscaler": object.union(working, changes),
}

powerless := {
	"rule": "vpa-no-effect",
	"action": "warn",
	"path": "spec.resourcePolicy.containerPolicies",
	"message": "VerticalPodAutoscaler shop/web writes nothing: its policies control nothing",
	"remedy": "list cpu or memory in controlledResources, or set updateMode: \"Off\"",
}

unquoted(path) := {
	"rule": "vpa-no-effect",
	"action": "warn",
	"path": path,
	"messageContains": [path, "is a boolean, since YAML reads an unquoted Off as false"],
	"remedy": "quote it (\"Off\"): the API server refuses a boolean",
}

cases := {
	"one that works is left alone": {
		"input": document({}),
		"findings": [],
	},
	"warns when nothing is controlled": {
		"input": document({"ineffective": "its policies control nothing"}),
		"findings": [powerless],
	},
	"warns of an unquoted Off": {
		"input": document({"unquoted": ["spec.updatePolicy.updateMode"]}),
		"findings": [unquoted("spec.updatePolicy.updateMode")],
	},
	"warns of every unquoted Off": {
		"input": document({"unquoted": [
			"spec.updatePolicy.updateMode",
			"spec.resourcePolicy.containerPolicies[0].mode",
		]}),
		"findings": [
			unquoted("spec.updatePolicy.updateMode"),
			unquoted("spec.resourcePolicy.containerPolicies[0].mode"),
		],
	},
	"warns of both at once": {
		"input": document({
			"ineffective": "its policies control nothing",
			"unquoted": ["spec.resourcePolicy.containerPolicies[0].mode"],
		}),
		"findings": [powerless, unquoted("spec.resourcePolicy.containerPolicies[0].mode")],
	},
	"scalers are other rules' matter": {
		"input": document({"type": "scaler", "ineffective": "x", "unquoted": ["spec"]}),
		"findings": [],
	},
}
