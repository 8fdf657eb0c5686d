package scaleguard.rules.house.image_tag_test

document(class, containers) := {
	"object": {"text": "Deployment ml/llm"},
	"pod": {"text": "the pods of Deployment ml/llm", "class": class, "containers": containers},
}

# `latest` is the tag of an image without one: scaleguard fills it in.
container(image, tag, digest) := {
	"name": "vllm",
	"path": "spec.template.spec.containers[0]",
	"image": image,
	"tag": tag,
	"digest": digest,
}

cases := {
	"warns of latest": {
		"input": document("inference", [container("vllm/vllm-openai:latest", "latest", null)]),
		"findings": [{
			"rule": "custom/image_tag",
			"action": "warn",
			"path": "spec.template.spec.containers[0].image",
			"containers": ["vllm"],
			"message": concat(" ", [
				"container vllm of the pods of Deployment ml/llm runs vllm/vllm-openai:latest:",
				"its tag is latest",
			]),
		}],
	},
	"warns of no tag": {
		"input": document("training", [container("trainer", "latest", null)]),
		"findings": [{"messageContains": ["runs trainer: its tag is latest"]}],
	},
	"accepts a tag": {
		"input": document("inference", [container("vllm/vllm-openai:v0.8.3", "v0.8.3", null)]),
		"findings": [],
	},
	"accepts a digest, whatever the tag": {
		"input": document("inference", [
			container("llm@sha256:0f", null, "sha256:0f"),
			container("llm:latest@sha256:0f", "latest", "sha256:0f"),
		]),
		"findings": [],
	},
	"an image that nobody can read is not judged": {
		"input": document("inference", [container("${IMAGE}", null, null)]),
		"findings": [],
	},
	"pods that are no AI pods are left alone": {
		"input": document(null, [container("app:latest", "latest", null)]),
		"findings": [],
	},
	"an autoscaler has no containers": {
		"input": {"object": {"text": "HorizontalPodAutoscaler ml/llm"}, "autoscaler": {"type": "scaler"}},
		"findings": [],
	},
}
