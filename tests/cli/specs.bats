#!/usr/bin/env -S bats --tap
# Every spec in specs/ is run as a user would, and judged as it says.
load common

# decided -- verdicts and reasons of a run, without what differs from run to run: how long a
# timeout took to the tenth, and whether its wall clock or its CPU time was over first.
decided() {
	jq -r '[.cell, .verdict, .reason] | join(" | ")' rows.jsonl |
		sed -e 's/ [|] $//' -e 's/timeout after .*/timeout/' -e 's/timeout: CPU time.*/timeout/'
}

# scores -- those of each student in a run of the course, to the hundredth, and those of each cell that got a part.
scores() {
	jq -rs 'map(. + { student: (.cell | capture("student=(?<s>[^],]*)").s) }) |
		(group_by(.student)[] | "\(.[0].student): \(map(.points) | add * 100 | round / 100) of \(map(.max_points) | add)"),
		(.[] | select(.points > 0 and .points < .max_points) | "\(.cell): \(.points * 100 | round / 100) of \(.max_points)")' rows.jsonl
}

# batch STATUS NAME -- run specs/NAME.yaml, its rows compared with golden ones.
batch() {
	project
	exits "$1" sandbatch run "specs/$2.yaml" --output kept --report jsonl=rows.jsonl
	decided >rows
	same rows "$FIXTURES/${3:-cli}/${4:-$2.rows}"
}

@test "no spec is forgotten here" {
	for spec in "$TOP"/specs/*.yaml; do
		grep -qw "$(basename "$spec" .yaml)" "$BATS_TEST_FILENAME"
	done
}

@test "tour: everything is as expected" {
	batch 0 tour
	test "$(cat kept/jobs/encode/artifacts/secret.txt)" = "Gur fnzr cebtenz, gjvpr."
	test -s kept/artifacts.tar.zst
}

@test "tour: the same as an ordinary user" {
	is_root || skip "this is an ordinary user"
	project
	exits 0 as_nobody sandbatch run specs/tour.yaml --output kept --report jsonl=rows.jsonl
	decided >rows
	diff "$FIXTURES/cli/tour.rows" rows
}

@test "grading: every submission gets the verdict it deserves" {
	batch 1 grading grading verdicts.golden
}

@test "course: forty submissions, twelve tests, points; a broken submission takes no other with it" {
	batch 1 course course verdicts.golden
	test "$(wc -l <rows)" -eq 520
	scores >points
	same points "$FIXTURES/course/points.golden"
	run ! grep -q ' | error' rows
	# what s19 has a link at stayed at home
	run ! grep -r cases kept/jobs/build*s19*/artifacts
}

@test "regression: one program, one output, every language" {
	batch 0 regression
}

@test "languages: thirty of them print the same; what is not installed is skipped with its package" {
	project
	exits 0 sandbatch run specs/languages.yaml --output kept --report jsonl=rows.jsonl
	decided >rows
	test "$(wc -l <rows)" -eq 30
	for cell in reference 'port[[]program=steps.sh[]]' 'port[[]program=steps.c[]]'; do
		grep -qx "$cell | passed" rows
	done
	run ! grep -v -e ' | passed$' -e ' | skipped | the endpoint cannot run ' rows
}

@test "nightly: two runs give the same archive, bit for bit" {
	batch 0 nightly
	exits 0 sandbatch run specs/nightly.yaml --output again
	cmp kept/artifacts.tar.zst again/artifacts.tar.zst
	mkdir unpacked
	tar -C unpacked --zstd -xf kept/artifacts.tar.zst
	(cd unpacked && sha256sum -c SHA256SUMS)
	test "$(find unpacked -name area -type f | wc -l)" -eq 2
	test "$(cat unpacked/release*gcc*/VERSION)" = "shapes 1.2"
	# what was made of what, the same both times
	for run in kept again; do
		jq '.subject, .predicate.buildDefinition' "$run/provenance.json" >"$run.made"
	done
	diff kept.made again.made
	jq -r '.subject[] | "\(.digest.sha256)  \(.name)"' kept/provenance.json | tail -n +2 | diff - unpacked/SHA256SUMS
	for source in specs/nightly.yaml specs/nightly/src/*.[ch] specs/nightly/version.c; do
		jq -e --arg name "$source" --arg sum "$(sha256sum <"$source" | cut -d ' ' -f 1)" \
			'.predicate.buildDefinition.resolvedDependencies[] | select(.name == $name and .digest.sha256 == $sum)' \
			kept/provenance.json
	done
}

@test "nightly: a compiler whose test fails has no release, and the other has its own" {
	project
	printf '#ifdef __clang__\n#error not yet\n#endif\n' >>specs/nightly/src/test.c
	exits 1 sandbatch run specs/nightly.yaml --output kept --report jsonl=rows.jsonl
	decided >rows
	grep -qx 'release[[]compiler=gcc[]] | passed' rows
	grep -q '^release[[]compiler=clang[]] | skipped | needs test[[]compiler=clang,' rows
}
