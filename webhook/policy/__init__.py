"""Rules in Rego: where they are, what they say of themselves, the engines that evaluate them."""
