#!/usr/bin/env -S bats --tap
# Earlier runs: listed, shown, reported again, compared, removed.
load common

spec() {
	cat >spec.yaml <<-EOF2
		version: 1
		name: small
		jobs:
		  hello:
		    language: bash
		    code: $1
		    matrix: { n: [1, 2] }
		    expect: { stdout: "1" }
		  wasm:
		    language: bash
		    code: printf $2 >a.bin
		    artifacts: ["*.bin"]
	EOF2
}

# one run: hello[n=2] fails, hello[n=1] passes
small_run() {
	# shellcheck disable=SC2016 # for the spec
	spec 'echo ${{ matrix.n }}' one
	exits 1 sandbatch run "$@" spec.yaml
}

latest() {
	basename "$(readlink .sandbatch/runs/latest)"
}

@test "without a run list is empty, and show and report say so" {
	exits 0 sandbatch runs list
	test ! -s out
	exits 2 sandbatch runs show
	grep "there is no run below '.sandbatch/runs'" err
	exits 2 sandbatch report
}

@test "list tells each run, the newest first, also as JSON" {
	small_run
	first=$(latest)
	small_run
	exits 0 sandbatch runs list
	test "$(wc -l <out)" -eq 2
	test "$(cut -d ' ' -f 1 out | tail -n 1)" = "$first"
	grep '  small  .*  2 passed, 1 failed$' out
	exits 0 sandbatch runs list --json
	jq -e '.[1].run == "'"$first"'" and .[0].counts.failed == 1 and .[0].name == "small"' out
}

@test "what report and show make of an earlier run is what the run made" {
	small_run --report junit --report jsonl
	run=$(latest)
	mkdir kept
	mv .sandbatch/runs/latest/junit.xml .sandbatch/runs/latest/report.jsonl kept/ || ls .sandbatch/runs/latest
	exits 0 sandbatch report "$run" --report junit --report jsonl --report summary=again.json
	cmp kept/junit.xml .sandbatch/runs/latest/junit.xml
	cmp kept/report.jsonl .sandbatch/runs/latest/report.jsonl
	cmp again.json .sandbatch/runs/latest/summary.json
	exits 0 sandbatch runs show --json
	cmp out .sandbatch/runs/latest/summary.json
	exits 0 sandbatch report
	grep 'hello\[n=2\]' out
	grep '^2 passed, 1 failed' out
	exits 2 sandbatch report --report xml
	grep "must be .*, not 'xml'" err
}

@test "a run whose runner was killed is told as far as it came" {
	small_run
	sed -i '/"cell":"wasm"/{/"ended"/d};/"done"/d' .sandbatch/runs/latest/journal.jsonl
	printf '{"event":"en' >>.sandbatch/runs/latest/journal.jsonl
	rm .sandbatch/runs/latest/summary.json
	exits 0 sandbatch runs list
	grep '1 passed, 1 failed, 1 cancelled; interrupted' out
	exits 0 sandbatch report --report jsonl=-
	test "$(jq -r 'select(.cell == "wasm").verdict' out)" = cancelled
}

@test "a damaged journal, or one of another version, is told with its line" {
	small_run
	cp .sandbatch/runs/latest/journal.jsonl good
	sed '3s/.*/{"event":"su/' good >.sandbatch/runs/latest/journal.jsonl
	exits 5 sandbatch report
	grep 'journal.jsonl, line 3: ' err
	sed '1s/"version":1/"version":7/' good >.sandbatch/runs/latest/journal.jsonl
	exits 5 sandbatch report
	grep 'journal.jsonl, line 1: its format is version 7, this sandbatch knows version 1' err
}

@test "diff tells cells whose verdict, output or artifacts differ, and only these" {
	small_run
	first=$(latest)
	small_run
	exits 0 sandbatch runs diff "$first" latest
	grep '^0 of 3 cells differ' out
	# shellcheck disable=SC2016
	spec 'echo $((3 - ${{ matrix.n }}))' two
	exits 1 sandbatch run spec.yaml
	exits 1 sandbatch runs diff "$first" latest
	grep '^hello\[n=1\]  passed -> failed; differ: stdout; ' out
	grep '^hello\[n=2\]  failed -> passed; differ: stdout; ' out
	grep '^wasm  passed; differ: artifacts/a.bin; ' out
	grep '^3 of 3 cells differ' out
	exits 1 sandbatch runs diff --json "$first" latest
	jq -e 'length == 3 and .[0].was.verdict == "passed" and .[2].differ == ["artifacts/a.bin"]' out
	sed -i '/wasm/,$d' spec.yaml
	exits 1 sandbatch run spec.yaml
	exits 1 sandbatch runs diff "$first" latest
	grep '^wasm  passed -> absent' out
}

@test "rm removes a run, those that are old, those past a number; latest leads to what is left" {
	for _ in 1 2 3 4; do
		small_run
	done
	newest=$(latest)
	exits 2 sandbatch runs rm
	exits 2 sandbatch runs rm --older-than soon
	exits 2 sandbatch runs rm nothing
	exits 0 sandbatch runs rm "$newest"
	test "$(sandbatch runs list | wc -l)" -eq 3
	test "$(latest)" != "$newest"
	exits 0 sandbatch runs rm --older-than 1d
	test "$(sandbatch runs list | wc -l)" -eq 3
	touch -d '3 days ago' ".sandbatch/runs/$(latest)/journal.jsonl"
	exits 0 sandbatch runs rm --older-than 1d --keep 1
	test "$(sandbatch runs list | wc -l)" -eq 3
	exits 0 sandbatch runs rm --older-than 1d
	test "$(sandbatch runs list | wc -l)" -eq 2
	exits 0 sandbatch runs rm --keep 1
	test "$(sandbatch runs list | wc -l)" -eq 1
	exits 0 sandbatch runs rm --keep 0
	test ! -e .sandbatch/runs/latest
}

@test "a run that goes on is not removed, nor a folder that is no run" {
	small_run
	flock .sandbatch/runs/latest/journal.jsonl sandbatch runs rm latest >out 2>err && false
	grep 'is still going on in another process' err
	mkdir precious
	exits 2 sandbatch runs rm ./precious
	grep 'it has no journal' err
	test -d precious
}

@test "nothing is gone on with in a folder that is no run, but in one that is empty" {
	small_run
	mkdir mine empty
	echo mine >mine/file
	exits 2 sandbatch run spec.yaml --resume=mine
	[ "$(cat err)" = "sandbatch: 'mine' is no run: it has no journal" ]
	[ "$(ls mine)" = file ]
	exits 1 sandbatch run spec.yaml --resume=empty
	[ -s empty/summary.json ]
}

@test "cache stats, clear and explain of an empty cache" {
	exits 0 sandbatch cache stats
	grep '^0 results in 0 files' out
	exits 0 sandbatch cache stats --json
	jq -e '.results == 0' out
	exits 0 sandbatch cache clear
	exits 2 sandbatch cache explain hello
	grep "the cache was never asked for a cell 'hello'" err
	exits 2 sandbatch cache explain
}

@test "verbs that are not there are wrong usage" {
	for c in runs cache jobs; do
		exits 2 sandbatch "$c"
		exits 2 sandbatch "$c" frobnicate
		grep "$c wants " err
	done
}

# killed_run -- a run that was killed while its job slept; SERVICE is the folder that its service left.
killed_run() {
	printf 'version: 1\njobs: { a: { language: bash, code: "sleep 60" } }\n' >sleeps.yaml
	sandbatch run sleeps.yaml >out 2>err 3>&- &
	local runner=$!
	eventually grep -qs '"job_id"' .sandbatch/runs/latest/journal.jsonl
	kill -9 $runner
	wait $runner || true
	SERVICE=$(jq -r 'select(.event == "run").service' .sandbatch/runs/latest/journal.jsonl)
	test -e "$SERVICE/jobs.db"
}

@test "rm takes what the service of a killed run left along" {
	killed_run
	exits 0 sandbatch runs rm "$(latest)"
	test ! -e "$SERVICE"
}

@test "a journal that names another's folder as its service's has it removed by neither rm nor resume" {
	small_run
	mkdir victim
	touch victim/socket victim/kept
	for service in victim .sandbatch/service/../../victim "$PWD/victim" .sandbatch/service/; do
		sed -i "1s#\"service\":\"[^\"]*\"#\"service\":\"$service\"#" .sandbatch/runs/latest/journal.jsonl
		exits 1 sandbatch run --rerun-failed
		test -e victim/kept -a -e victim/socket
		[ "$(stat -c %a victim)" != 700 ]
	done
	exits 0 sandbatch runs rm "$(latest)"
	test -e victim/kept -a -e victim/socket
}
