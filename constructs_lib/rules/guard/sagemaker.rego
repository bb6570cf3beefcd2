package constructs_lib.sagemaker

import rego.v1

# Those of the rules that compare items of a list or look from one resource to another, which Guard cannot.
# The ids are those of docs/rules.md. For CloudFormation Validate, which brings resources_of_type, resolve and
# make_diag_at.

config_type := "AWS::SageMaker::EndpointConfig"

variants_of(name, property) := variants if {
	variants := resolve(name, sprintf("Properties.%s", [property]))
	is_array(variants)
}

at(property, index, member) := sprintf("Properties.%s.%d.%s", [property, index, member])

violation contains v if {
	some name in resources_of_type(config_type)
	variants := variants_of(name, "ProductionVariants")
	some i, variant in variants
	some j, other in variants
	i > j
	is_string(variant.VariantName)
	variant.VariantName == other.VariantName
	v := make_diag_at(
		"SM-ENDPOINT-002", "ERROR", name, at("ProductionVariants", i, "VariantName"),
		sprintf("SM-ENDPOINT-002: two variants are called %v: each has a name of its own", [variant.VariantName]),
	)
}

violation contains v if {
	some name in resources_of_type(config_type)
	variants := variants_of(name, "ProductionVariants")
	count(variants) > 10
	v := make_diag_at(
		"SM-ENDPOINT-002", "ERROR", name, "Properties.ProductionVariants",
		sprintf("SM-ENDPOINT-002: there are %d variants: at most 10", [count(variants)]),
	)
}

violation contains v if {
	some name in resources_of_type(config_type)
	count(variants_of(name, "ShadowProductionVariants")) > 0
	some property in ["ProductionVariants", "ShadowProductionVariants"]
	variants := variants_of(name, property)
	count(variants) > 1
	v := make_diag_at(
		"SM-SHADOW-001", "ERROR", name, sprintf("Properties.%s", [property]),
		sprintf("SM-SHADOW-001: a shadow test has one variant of each kind, not %d", [count(variants)]),
	)
}

violation contains v if {
	some name in resources_of_type(config_type)
	some i, shadow in variants_of(name, "ShadowProductionVariants")
	some variant in variants_of(name, "ProductionVariants")
	is_string(shadow.VariantName)
	shadow.VariantName == variant.VariantName
	v := make_diag_at(
		"SM-SHADOW-002", "ERROR", name, at("ShadowProductionVariants", i, "VariantName"),
		sprintf("SM-SHADOW-002: production is called %v too: metrics tell them apart by it", [shadow.VariantName]),
	)
}

violation contains v if {
	some name in resources_of_type(config_type)
	variants := variants_of(name, "ProductionVariants")
	count(variants) > 1
	some variant in variants
	variant.ServerlessConfig
	v := make_diag_at(
		"SM-SERVERLESS-011", "ERROR", name, "Properties.ProductionVariants",
		sprintf("SM-SERVERLESS-011: a serverless variant takes all requests, and here are %d variants", [count(variants)]),
	)
}

violation contains v if {
	some name in resources_of_type("AWS::SageMaker::Endpoint")
	input.resources[name].properties.DeploymentConfig.RollingUpdatePolicy
	config := resolve(name, "Properties.EndpointConfigName")
	is_string(config)
	input.resources[config].resourceType == config_type
	variants := variants_of(config, "ProductionVariants")
	count(variants) > 1
	v := make_diag_at(
		"SM-ROLLOUT-010", "ERROR", name, "Properties.DeploymentConfig.RollingUpdatePolicy",
		sprintf("SM-ROLLOUT-010: a rolling deployment has one variant, not %d", [count(variants)]),
	)
}
