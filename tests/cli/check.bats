#!/usr/bin/env -S bats --tap
# Every comparator from the spec to the summary, with programs that please it and programs that do not.
load common

@test "each comparator passes what is right and says of the rest what is wrong" {
	project
	exits 1 sandbatch run fixtures/check/whole/spec.yaml --output kept
	jq -r '.cells[] | "\(.cell): \(.verdict) \(.points)/\(.max_points) \(.reason)"' kept/summary.json |
		sed 's/took [0-9.]* s/took 0.N s/' >rows
	same rows "$FIXTURES/check/whole/spec.rows"
	grep -x 'points   6 of 28' out
}
