package scaleguard.rules.pods.pod_over_quota_test

document(quota) := {
	"object": {"text": "Deployment ml/llm"},
	"pod": {"text": "the pods of Deployment ml/llm", "specPath": "spec.template.spec", "quota": quota},
}

cases := {
	"warns of each refusal": {
		"input": document([{
			"quota": "team",
			"resource": "requests.nvidia.com/gpu",
			"text": "it allows 4 requests.nvidia.com/gpu, a pod asks for 8",
			"remedy": "ask for less",
		}]),
		"findings": [{
			"rule": "pod-over-quota",
			"action": "warn",
			"path": "spec.template.spec",
			"resourceName": "requests.nvidia.com/gpu",
			"message": concat(" ", [
				"the pods of Deployment ml/llm would be refused by ResourceQuota team:",
				"it allows 4 requests.nvidia.com/gpu, a pod asks for 8",
			]),
			"remedy": "ask for less",
		}],
	},
	"a pod within its quota is left alone": {
		"input": document([]),
		"findings": [],
	},
	"autoscalers are other rules' matter": {
		"input": {"object": {"text": "HorizontalPodAutoscaler ml/llm"}, "autoscaler": {"type": "scaler"}},
		"findings": [],
	},
}
