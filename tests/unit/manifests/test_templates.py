import pytest

from webhook.manifests import Skipped, Unreadable
from webhook.manifests.reading import read_text

HELM = "render it first (helm template … | scaleguard review -)"
HEAD = "apiVersion: v1\nkind: ConfigMap\n"

SKIPPED = {
    "{{- if .Values.on }}\n" + HEAD + "{{- end }}\n": f"line 1: found '{{{{'; {HELM}",
    "{{ if .Values.on }}\n" + HEAD: f"line 1: found '{{{{'; {HELM}",
    "{{/* a\n  b: c */}}\n" + HEAD: f"line 1: found '{{{{'; {HELM}",
    HEAD + "metadata:\n  name: {{ .Values.name }}\n": f"line 4: found '{{{{'; {HELM}",
    HEAD + "metadata:\n{{ toYaml .x | indent 2 }}\n": f"line 4: found '{{{{'; {HELM}",
    HEAD + "metadata:\n  {{- toYaml .x | nindent 2 }}\n": f"line 4: found '{{{{'; {HELM}",
    HEAD + 'data: "{{ .x | default "y" }}"\n': f"line 3: found '{{{{'; {HELM}",
    HEAD + "data: {{ include\n  (dict\n  1) }}\nx: y\n": f"line 3: found '{{{{'; {HELM}",
    HEAD + "{% if x %}\n": "line 3: found '{%'; render it first",
    HEAD + "{# x #}\n": "line 3: found '{#'; render it first",
    HEAD + "<% if x %>\na: b\n": "line 3: found '<%'; render it first",
    HEAD + "a: [${A}, b]\n": "line 3: found '${'; put the values in first (envsubst …)",
    HEAD + "a: @NAME@\n": "line 3: found '@NAME@'; put the values in first",
    HEAD + "a: {user}/web:1\n": "line 3: found '{user}'; put the values in first",
    HEAD + "<no value>\na: b\n": (
        "line 3: found '<no value>'; the template that made it lacked a value"
    ),
    '{"a": {{ .x }} }': f"line 1: found '{{{{'; {HELM}",
    HEAD + "a: !Ref b\n": "line 3: found the tag !Ref, which only another program understands",
}

BROKEN = {
    HEAD + "data:\n  x: |\n    {{ .y }}\n a: b\n",
    HEAD + "# {{ .x }}\na: b: c\n",
    HEAD + "x: '{{ .x }}'\ny: ${Y}\na: [1\n",
    HEAD + "a: @name\n",
    HEAD + "a: {user} x\n",
}

PLAIN = {
    HEAD + "data:\n  x: |\n    {{ .y }}\n    {% if z %}\n",
    HEAD + "data: {x: '{{ .y }}', }\nz: a${B}c\nv: ${V}\nw: <no value>\nu: a-{{ x }}\n",
    HEAD + "# {{ if }}\ndata: {a: {b: c}}\n",
}


@pytest.mark.parametrize("text", SKIPPED)
def test_templates_are_skipped_and_the_remedy_is_told(text: str) -> None:
    [skipped] = read_text(text, "a.yaml")
    assert isinstance(skipped, Skipped)
    assert skipped.reason == f"not plain YAML: {SKIPPED[text]}"


@pytest.mark.parametrize("text", sorted(BROKEN))
def test_a_placeholder_elsewhere_excuses_no_fault(text: str) -> None:
    [unreadable] = read_text(text, "a.yaml")
    assert isinstance(unreadable, Unreadable), unreadable


@pytest.mark.parametrize("text", sorted(PLAIN))
def test_yaml_that_carries_placeholders_as_text_is_read(text: str) -> None:
    [document] = read_text(text, "a.yaml")
    assert not isinstance(document, Skipped | Unreadable)
