package scaleguard.rules.pods.gpu_unschedulable_test

document(unschedulable) := {
	"object": {"text": "Deployment ml/llm"},
	"pod": {
		"text": "the pods of Deployment ml/llm",
		"specPath": "spec.template.spec",
		"misspelt": [],
		"unschedulable": unschedulable,
	},
}

cases := {
	"warns with what is in the way": {
		"input": document("taint sku=gpu:NoSchedule is not tolerated"),
		"findings": [{
			"rule": "gpu-unschedulable",
			"action": "warn",
			"path": "spec.template.spec",
			"message": "the pods of Deployment ml/llm can run on no known node: taint sku=gpu:NoSchedule is not tolerated",
			"remedy": concat(" ", [
				"ask for what one of these nodes gives, or tolerate its taint (extraTolerations of the configuration);",
				"if another pool takes it, write its shape into nodeShapes",
			]),
		}],
	},
	"warns of a resource that is called otherwise": {
		"input": {
			"object": {"text": "Pod ml/a"},
			"pod": {
				"text": "Pod ml/a", "specPath": "spec", "unschedulable": null,
				"misspelt": [{"name": "nvidia/gpu", "meant": "nvidia.com/gpu"}],
			},
		},
		"findings": [{
			"rule": "gpu-unschedulable",
			"action": "warn",
			"path": "spec",
			"resourceName": "nvidia/gpu",
			"message": "Pod ml/a can run on no known node: nothing is known to give nvidia/gpu",
			"remedy": "write nvidia.com/gpu, if that is meant",
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
