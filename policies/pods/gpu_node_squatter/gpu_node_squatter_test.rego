package scaleguard.rules.pods.gpu_node_squatter_test

document(squats) := {
	"object": {"text": "Deployment shop/web"},
	"pod": {"text": "the pods of Deployment shop/web", "squats": squats},
}

cases := {
	"warns of each toleration": {
		"input": document([
			{"path": "spec.template.spec.tolerations[0]", "taint": "taint nvidia.com/gpu"},
			{"path": "spec.template.spec.tolerations[2]", "taint": "every taint"},
		]),
		"findings": [
			{
				"rule": "gpu-node-squatter",
				"action": "warn",
				"path": "spec.template.spec.tolerations[0]",
				"message": concat(" ", [
					"the pods of Deployment shop/web may take the place of pods that need an accelerator,",
					"by tolerating taint nvidia.com/gpu without asking for one",
				]),
				"remedy": "remove the toleration; scaleguard adds it to the pods that ask for an accelerator",
			},
			{
				"path": "spec.template.spec.tolerations[2]",
				"messageContains": ["by tolerating every taint without"],
			},
		],
	},
	"a pod without such tolerations is left alone": {
		"input": document([]),
		"findings": [],
	},
	"autoscalers are other rules' matter": {
		"input": {"object": {"text": "HorizontalPodAutoscaler ml/llm"}, "autoscaler": {"type": "scaler"}},
		"findings": [],
	},
}
