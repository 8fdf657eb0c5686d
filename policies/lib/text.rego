# METADATA
# title: Sentences that several rules share
# description: >-
#   Sentences are put together with concat, never sprintf: the embedded engine's sprintf puts quotes
#   around what concat, lower and replace return.
package scaleguard.lib.text

# How a metric is told: `(Utilization 70%, spec.metrics[0])`.
metric(found) := concat("", ["(", found.targetType, " ", found.target, " by default, as no metrics are set)"]) if {
	found.defaulted
} else := concat("", ["(", found.targetType, " ", found.target, " of container ", found.container, ", ", found.path, ")"]) if {
	is_string(found.container)
} else := concat("", ["(", found.targetType, " ", found.target, ", ", found.path, ")"])

# A VPA with its mode: `VerticalPodAutoscaler ml/web (mode Recreate)`.
vpa(found) := concat("", [found.text, " (mode ", found.mode, ")"])

containers([]) := "every container"

containers([one]) := concat(" ", ["container", one])

containers(names) := concat(" ", ["containers", concat(", ", names)]) if count(names) > 1

# A sentence, with what makes it only a warning.
because(sentence, []) := sentence

because(sentence, reasons) := concat("", [sentence, "; only a warning: ", concat("; ", reasons)]) if count(reasons) > 0

# A rule's action, unless something makes the finding milder.
unless_reduced(action, []) := action

unless_reduced(_, reasons) := "warn" if count(reasons) > 0
