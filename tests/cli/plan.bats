#!/usr/bin/env -S bats --tap
# The cells of a spec, in an order in which they can run.
load common

@test "the tour's cells are listed in order, one a line" {
	exits 0 sandbatch plan "$TOP/specs/tour.yaml"
	same out "$FIXTURES/cli/tour.plan"
}

@test "a needed job comes first even if it is written last" {
	cat >s.yaml <<-'SPEC'
		version: 1
		jobs:
		  last: { language: bash, code: "true", needs: [middle] }
		  middle: { language: bash, code: "true", needs: [first] }
		  first: { language: bash, code: "true" }
	SPEC
	exits 0 sandbatch plan --format json s.yaml
	test "$(jq -r '[.cells[].cell] | join(" ")' out)" = "first middle last"
}

@test "a cell needs only those cells that agree with it on what both have" {
	cat >s.yaml <<-'SPEC'
		version: 1
		jobs:
		  build: { language: bash, code: "true", matrix: { who: [ada, bob] } }
		  test: { language: bash, code: "true", needs: [build], matrix: { who: [ada, bob], n: [1, 2] } }
	SPEC
	exits 0 sandbatch plan --format json s.yaml
	jq -e '.cells[] | select(.cell == "test[who=bob,n=2]") | .needs == ["build[who=bob]"]' out
}

@test "matrix values stay the text that was written" {
	cat >s.yaml <<-'SPEC'
		version: 1
		jobs:
		  a: { language: bash, code: "true", matrix: { v: [no, on, 010, 1e3, 0x1F, ~x] } }
	SPEC
	exits 0 sandbatch plan --format json s.yaml
	test "$(jq -r '[.cells[].cell] | join(" ")' out)" = "a[v=no] a[v=on] a[v=010] a[v=1e3] a[v=0x1F] a[v=~x]"
}

@test "the graph comes as dot" {
	exits 0 sandbatch plan --format dot "$TOP/specs/nightly.yaml"
	same out "$FIXTURES/cli/nightly.dot"
}

@test "a plan of a hundred thousand cells takes seconds, not minutes" {
	{
		printf 'version: 1\njobs:\n  a:\n    language: bash\n    code: "true"\n    matrix:\n'
		for key in a b c d e; do
			echo "      $key: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
		done
	} >s.yaml
	exits 0 timeout 20 sandbatch plan s.yaml
	grep -c 'a\[a=' out | grep -x 100000
}
