package scaleguard.rules.pods.gpu_node_squatter_test

document(squats) := {
	"object": {"text": "Deployment shop/web"},
	"pod": {"squats": squats},
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
					"the pods of Deployment shop/web tolerate taint nvidia.com/gpu and ask for no accelerator:",
					"they may take the place of pods that need one",
				]),
				"remedy": "remove the toleration; scaleguard adds it to the pods that ask for an accelerator",
			},
			{
				"path": "spec.template.spec.tolerations[2]",
				"messageContains": ["tolerate every taint and"],
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
