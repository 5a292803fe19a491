#!/usr/bin/env -S bats --tap
# The schema and the parser agree.
load common

# A Python that has what schema.py imports; Debian's own has it where .ci/install brought it.
validator() {
	local python
	for python in python3 /usr/bin/python3; do
		if "$python" -c 'import jsonschema, yaml; jsonschema.Draft202012Validator' 2>&-; then
			"$python" "$TOP/tests/cli/schema.py" "$@"
			return
		fi
	done
	skip "no Python with jsonschema and yaml"
}

@test "the parser takes every good spec of the corpus" {
	exits 0 sandbatch plan "$FIXTURES/spec/corpus/good/smallest.yaml"
	for f in "$FIXTURES"/spec/corpus/good/*.yaml; do
		exits 0 sandbatch plan "$f"
	done
}

@test "the parser refuses every bad spec of the corpus, with a place" {
	for f in "$FIXTURES"/spec/corpus/bad/*.yaml; do
		exits 3 sandbatch plan "$f"
		grep -q "^$f:" err
	done
}

@test "the schema takes every good spec of the corpus" {
	sandbatch schema >schema.json
	validator schema.json good "$FIXTURES"/spec/corpus/good/*.yaml
}

@test "the schema refuses every bad spec of the corpus" {
	sandbatch schema >schema.json
	validator schema.json bad "$FIXTURES"/spec/corpus/bad/*.yaml
}

@test "the schema takes the specs that come with us" {
	sandbatch schema >schema.json
	validator schema.json good "$TOP"/specs/*.yaml
}

@test "every key has a description" {
	sandbatch schema >schema.json
	jq -e '[.. | objects | select(has("properties")) | .properties[] | select(has("description") | not)] == []' schema.json
}

@test "the man page of specs has every key" {
	sandbatch schema | jq -r '[.. | objects | .properties? // {} | keys[]] | unique[]' >keys
	test "$(wc -l <keys)" -gt 60
	while read -r key; do
		grep -qw -- "$key" "$TOP/man/sandbatch-spec.5" || {
			echo "not there: $key"
			return 1
		}
	done <keys
}
