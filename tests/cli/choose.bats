#!/usr/bin/env -S bats --tap
# Which cells of a spec run: filters, tags, shards, early ends, --dry-run and --explain.
load common

# spec LINE... -- s.yaml with these lines under jobs.
spec() {
	{
		printf '%s\n' 'version: 1' 'name: s' 'jobs:'
		printf '  %s\n' "$@"
	} >s.yaml
}

fake() {
	echo "${1:-[]}" >script.json
	serve_start --executor fake --script script.json --slots 4
}

batch() {
	sandbatch run s.yaml --endpoint "$URL" "$@"
}

rows() {
	verdicts .sandbatch/runs/latest
}

# shellcheck disable=SC2016
many() {
	spec 'a: { language: bash, code: "echo ${{ matrix.n }}", matrix: { n: [1, 2, 3, 4] }, tags: [smoke] }' \
		'b: { language: bash, code: "echo b", needs: [a] }' \
		'c: { language: bash, code: "echo c", tags: [slow, smoke] }'
}

@test "--filter runs the cells whose id fits, brackets being themselves, and what they need" {
	many
	fake
	exits 0 batch --filter 'a[n=2]' --filter 'c*'
	rows | diff - <(printf 'a[n=2] passed\nc passed\n')
	exits 0 batch --filter b
	rows | diff - <(printf 'a[n=%d] passed\n' 1 2 3 4; echo b passed)
}

@test "--tag runs the jobs that have it" {
	many
	fake
	exits 0 batch --tag slow
	rows | diff - <(echo c passed)
}

@test "a filter or a tag that fits no cell is wrong usage, and named" {
	many
	exits 2 sandbatch run s.yaml --filter 'z*'
	grep "'z\*'" err
	exits 2 sandbatch run s.yaml --tag quick
	grep "'quick'" err
	test ! -e .sandbatch
}

@test "shards together run each cell that nothing needs once" {
	many
	sed -i '/^  b:/d' s.yaml
	fake
	for i in 1 2 3; do
		exits 0 batch --shard $i/3 --output "part$i"
		verdicts "part$i"
	done | sort >ran
	sort ran | diff - <(printf 'a[n=%d] passed\n' 1 2 3 4; echo c passed)
	exits 2 sandbatch run s.yaml --shard 4/3
	grep -- "--shard must be I/N" err
}

@test "--dry-run lists the cells, and sends and leaves nothing" {
	many
	exits 0 sandbatch run s.yaml --dry-run --filter 'a*'
	printf 'a[n=%d]\n' 1 2 3 4 | diff - out
	test ! -e .sandbatch
}

@test "--dry-run tells mistakes as a run does" {
	spec 'a: { language: bash, file: nowhere.sh }'
	exits 3 sandbatch run s.yaml --dry-run
	grep nowhere.sh err
}

@test "--explain tells of each cell whether it runs" {
	many
	exits 0 sandbatch run s.yaml --explain --dry-run --filter c --filter 'a[n=1]'
	printf '%s\n' 'a[n=1]: runs' 'a[n=2]: does not run, not chosen' 'a[n=3]: does not run, not chosen' \
		'a[n=4]: does not run, not chosen' 'b: does not run, not chosen' 'c: runs' | diff - out
}

@test "after --fail-fast's first failure nothing more is started" {
	spec 'a: { language: bash, code: "bad" }' 'b: { language: bash, code: "good" }'
	fake '[{"match":"bad","exit_code":1,"stdout":""}]'
	exits 1 batch --fail-fast -j 1
	rows | diff - <(printf 'a failed\nb skipped\n')
	jq -e '.cells[1].reason == "not started: a was failed"' .sandbatch/runs/latest/summary.json
}

@test "after --max-failures N nothing more is started, and allowed failures do not count" {
	spec 'z: { language: bash, code: "bad 0", allow_failure: true }' 'a: { language: bash, code: "bad 1" }' \
		'b: { language: bash, code: "bad 2" }' 'c: { language: bash, code: "good" }'
	fake '[{"match":"bad","exit_code":1,"stdout":""}]'
	exits 1 batch --max-failures 2 -j 1
	rows | diff - <(printf 'z failed\na failed\nb failed\nc skipped\n')
}

@test "a run in which only what is allowed to fail fails ends with 0" {
	spec 'a: { language: bash, code: "bad", allow_failure: true }' 'b: { language: bash, code: "good", needs: [a] }'
	fake '[{"match":"bad","exit_code":1,"stdout":""}]'
	exits 0 batch
	rows | diff - <(printf 'a failed\nb passed\n')
}

@test "--max-ttl cuts a longer ttl" {
	spec 'a: { language: bash, code: "sleep 60", ttl: 50 }'
	exits 1 sandbatch run s.yaml --max-ttl 1
	rows | diff - <(echo a timeout)
}

@test "skip_unless skips what the endpoint has no toolchain for, where it would be a mistake" {
	cat >languages.yml <<-'YAML'
		languages:
		  - name: bash
		    filename: main.sh
		    run: [bash, "{source}", "{args}"]
		    needs: [bash]
		    package: bash
		  - name: klingon
		    filename: main.tlh
		    run: [klingon, "{source}", "{args}"]
		    needs: [no-such-klingon]
		    package: klingon-dev
	YAML
	serve_start --executor fake --languages languages.yml
	spec 'a: { language: bash, code: "true" }' \
		'b: { language: klingon, code: "x", skip_unless: { language: available } }'
	exits 0 batch
	rows | diff - <(printf 'a passed\nb skipped\n')
	jq -e '.cells[1].reason | contains("klingon-dev")' .sandbatch/runs/latest/summary.json
	sed -i 's/, skip_unless: { language: available }//' s.yaml
	exits 3 batch
	grep klingon-dev err
}

@test "a failure that retry is for is tried again, told, and its first attempt kept" {
	spec "a: { language: bash, code: \"test \$(date +%s%N) -gt $(($(date +%s%N) + 1500000000)) || { echo flap; exit 1; }\",
    retry: { max: 9, on: ['^flap\$'], backoff: 500ms, factor: 1, jitter: false } }"
	exits 0 sandbatch run s.yaml
	rows | diff - <(echo a passed)
	jq -e '.cells[0].attempts > 1' .sandbatch/runs/latest/summary.json
	grep 'runs again' err
	grep -x flap '.sandbatch/runs/latest/jobs/a%231/stdout'
}

@test "repeat: verdicts that differ are flaky, and the run ends with 1" {
	spec "a: { language: bash, repeat: 2, code: \"sleep 1; test \$(date +%s%N) -gt $(($(date +%s%N) + 1800000000))\" }"
	exits 1 sandbatch run s.yaml
	rows | diff - <(echo a flaky)
	jq -e '.cells[0].attempts == 2' .sandbatch/runs/latest/summary.json
}
