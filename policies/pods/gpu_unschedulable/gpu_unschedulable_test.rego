package scaleguard.rules.pods.gpu_unschedulable_test

document(unschedulable) := {
	"object": {"text": "Deployment ml/llm"},
	"pod": {"specPath": "spec.template.spec", "unschedulable": unschedulable},
}

cases := {
	"warns with what is in the way": {
		"input": document("taint sku=gpu:NoSchedule is not tolerated"),
		"findings": [{
			"rule": "gpu-unschedulable",
			"action": "warn",
			"path": "spec.template.spec",
			"message": "the pods of Deployment ml/llm fit no known node: taint sku=gpu:NoSchedule is not tolerated",
			"remedy": concat(" ", [
				"ask for what one of these nodes gives;",
				"if another pool does, write its shape into nodeShapes of the configuration",
			]),
		}],
	},
	"a pod that fits is left alone": {
		"input": document(null),
		"findings": [],
	},
	"autoscalers are other rules' matter": {
		"input": {"object": {"text": "HorizontalPodAutoscaler ml/llm"}, "autoscaler": {"type": "scaler"}},
		"findings": [],
	},
}
