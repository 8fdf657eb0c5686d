package scaleguard.rules.pods.kueue_template_unfitted_test

document(kueue) := {
	"object": {"text": "Job ml/train"},
	"pod": {"specPath": "spec.template.spec", "kueue": kueue},
}

cases := {
	"warns with the patch": {
		"input": document({
			"queue": "gpus",
			"missing": "tolerations: nvidia.com/gpu",
			"patch": "[{\"op\":\"add\"}]",
		}),
		"findings": [{
			"rule": "kueue-template-unfitted",
			"action": "warn",
			"path": "spec.template.spec",
			"message": concat(" ", [
				"Job ml/train waits in queue gpus of Kueue, which looks at the template,",
				"and that lacks tolerations: nvidia.com/gpu",
			]),
			"remedy": "write this JSON patch into its manifest and create it again, without the requests if the queue counts no cpu and memory: [{\"op\":\"add\"}]",
		}],
	},
	"warns where there is no place for a patch": {
		"input": document({"queue": "gpus", "missing": "tolerations: nvidia.com/gpu", "patch": null}),
		"findings": [{"remedy": "write that where it describes its pods"}],
	},
	"a template that lacks nothing is left alone": {
		"input": document(null),
		"findings": [],
	},
	"autoscalers are other rules' matter": {
		"input": {"object": {"text": "HorizontalPodAutoscaler ml/llm"}, "autoscaler": {"type": "scaler"}},
		"findings": [],
	},
}
