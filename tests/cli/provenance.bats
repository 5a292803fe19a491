#!/usr/bin/env -S bats --tap
# Where artifacts come from: an in-toto statement beside the archive.
load common

@test "provenance.json is a statement whose digests are those of the archive, its files and what went in" {
	project
	exits 0 sandbatch run specs/tour.yaml
	cd .sandbatch/runs/latest
	jq -e '._type == "https://in-toto.io/Statement/v1"
		and .predicateType == "https://slsa.dev/provenance/v1"
		and .predicate.buildDefinition.externalParameters.vars.greeting == "hello"
		and (.predicate.runDetails.metadata.startedOn | test("^20.*Z$"))' provenance.json
	test "$(jq -r .predicate.runDetails.metadata.invocationId provenance.json)" = "$(basename "$(pwd -P)")"
	# subjects: the archive, and what SHA256SUMS in it says
	jq -r '.subject[] | "\(.digest.sha256)  \(.name)"' provenance.json >subjects
	head -n 1 subjects | sha256sum -c -
	mkdir unpacked
	zstd -dc artifacts.tar.zst | tar -xf - -C unpacked
	tail -n +2 subjects | diff - unpacked/SHA256SUMS
	# dependencies: each once, and as it lies there
	cd "$BATS_TEST_TMPDIR"
	jq -r '.predicate.buildDefinition.resolvedDependencies[] | select(.digest)
		| "\(.digest.sha256)  \(.name)"' .sandbatch/runs/latest/provenance.json >inputs
	sha256sum -c --quiet inputs
	grep -q '  specs/tour.yaml$' inputs
	grep -q '  specs/tour/poem.txt$' inputs
	grep -q '  specs/tour/cases/15.out$' inputs
	test -z "$(sort inputs | uniq -d)"
	jq -e '[.predicate.buildDefinition.resolvedDependencies[].name] | index("perl")' \
		.sandbatch/runs/latest/provenance.json
}

@test "a run without artifacts has no provenance" {
	printf 'version: 1\njobs:\n  a: { language: bash, code: "true" }\n' >spec.yaml
	exits 0 sandbatch run spec.yaml
	test ! -e .sandbatch/runs/latest/provenance.json
}
