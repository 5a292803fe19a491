#!/usr/bin/env -S bats --tap
# What run does with a batch: verdicts, what it leaves, how it ends.
load common

# spec LINE... -- s.yaml with these lines under jobs.
spec() {
	{
		printf '%s\n' 'version: 1' 'name: s' 'jobs:'
		printf '  %s\n' "$@"
	} >s.yaml
}

batch() {
	sandbatch run s.yaml --output kept "${@}"
}

@test "a run leaves a journal, a summary, and each cell's streams" {
	spec 'a: { language: bash, code: "echo out; echo err >&2" }'
	exits 0 batch
	test "$(cat kept/jobs/a/stdout)" = out
	test "$(cat kept/jobs/a/stderr)" = err
	jq -e '.exit_code == 0' kept/jobs/a/result.json
	jq -es 'length >= 2' kept/journal.jsonl
	jq -e '.cells[0] | .cell == "a" and .job == "a" and .verdict == "passed" and .attempts == 1 and .reason == ""' \
		kept/summary.json
}

@test "without --output a run lies under .sandbatch/runs, and latest points at it" {
	spec 'a: { language: bash, code: "true" }'
	exits 0 sandbatch run s.yaml
	test -s .sandbatch/runs/latest/summary.json
	test "$(find .sandbatch/runs -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq 1
}

@test "--output of a folder with something in it is refused" {
	spec 'a: { language: bash, code: "true" }'
	mkdir kept
	echo mine >kept/mine
	exits 2 batch
	test "$(ls kept)" = mine
}

@test "a failed cell ends the run with 1, and shows where the output departs" {
	spec 'a: { language: bash, code: "printf \"one\\ntwo\\nthree\\n\"", expect: { stdout: "one\n2\nthree\n" } }'
	exits 1 batch
	verdicts kept | grep -x 'a failed'
	cat out err | grep -F -- '-2'
	cat out err | grep -F -- '+two'
}

@test "a failed cell skips those that need it, and no others" {
	spec 'a: { language: bash, code: "exit 3" }' \
		'b: { language: bash, code: "true", needs: [a] }' \
		'c: { language: bash, code: "true" }'
	exits 1 batch
	verdicts kept >rows
	printf 'a failed\nb skipped\nc passed\n' | diff - rows
}

@test "a cell that runs past its ttl is a timeout, and its output so far is kept" {
	spec 'a: { language: bash, code: "echo so far; sleep 60", ttl: 1 }'
	exits 1 batch
	verdicts kept | grep -x 'a timeout'
	test "$(cat kept/jobs/a/stdout)" = 'so far'
}

@test "an xfail that passes is told and fails the run" {
	spec 'a: { language: bash, code: "true", xfail: "not yet" }'
	exits 1 batch
	verdicts kept | grep -x 'a xpass'
}

@test "an unknown language is told before anything runs" {
	spec 'a: { language: bash, code: "true" }' 'b: { language: klingon, code: "x" }'
	exits 3 batch
	grep "klingon" err
	test ! -e kept/jobs/a
}

@test "a catastrophic pattern is a failed check that says so" {
	spec "a: { language: bash, code: \"printf '%0200d' 0\", expect: { stdout: { matches: '^(0+)*\$(?!)' } } }"
	exits 1 timeout 30 sandbatch run s.yaml --output kept
	grep -i 'limit' out err
}

@test "output that is not UTF-8 is kept and judged" {
	spec "a: { language: python, code: \"import sys; sys.stdout.buffer.write(b'a\\\\xffb\\\\n')\", expect: { stdout: { matches: '^a' } } }"
	exits 0 batch
	test -s kept/jobs/a/stdout
}

@test "--var reaches the program" {
	# shellcheck disable=SC2016
	spec 'a: { language: bash, code: "echo ${{ vars.who }}", expect: { stdout: you } }'
	sed -i '2a vars: { who: me }' s.yaml
	exits 1 sandbatch run s.yaml --output one
	exits 0 sandbatch run s.yaml --output two --var who=you
}

@test "several specs run as one call, each with a run of its own" {
	spec 'a: { language: bash, code: "true" }'
	sed 's/true/exit 1/; s/name: s/name: t/' s.yaml >t.yaml
	exits 1 sandbatch run s.yaml t.yaml
	test "$(find .sandbatch/runs -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq 2
}

# read_only COMMAND... -- in a folder with a copy of s.yaml that cannot be written.
read_only() {
	mkdir -p ro
	cp s.yaml ro
	if is_root; then
		# shellcheck disable=SC2016
		unshare -m sh -c 'mount --bind ro ro && mount -o remount,ro,bind ro && cd ro && exec "$@"' sh "$@"
	else
		chmod 555 ro
		(cd ro && "$@")
	fi
}

@test "where nothing can be written, a run is refused in one sentence, and with --output runs" {
	spec 'a: { language: bash, code: echo a }'
	exits 5 read_only sandbatch run s.yaml
	grep -q "^sandbatch: cannot make '.sandbatch' in this folder (.*): --output DIR names another for the run, of 72 bytes at most$" err
	[ "$(wc -l <err)" = 1 ]
	exits 5 read_only sandbatch run s.yaml --output "../$(printf '%070d' 0)"
	[ "$(echo 0*)" = '0*' ]
	exits 0 read_only sandbatch run s.yaml --output ../kept
	jq -e '.cells[0].verdict == "passed"' kept/summary.json
	[ ! -e kept/.service ]
	exits 0 read_only sandbatch plan s.yaml
}

@test "killed there, it goes on with what its service had" {
	spec 'a: { language: bash, code: "sleep 2; echo a" }'
	# shellcheck disable=SC2016
	read_only sh -c '"$0" run s.yaml --output ../kept >/dev/null 2>&1 3>&- & echo $! >../pid; wait' "$SANDBATCH" 3>&- &
	eventually grep -q '"submitted"' kept/journal.jsonl
	kill -KILL "$(cat pid)"
	wait $! || true
	[ -d kept/.service ]
	exits 0 read_only sandbatch run --resume="$PWD/kept"
	[ "$(grep -c '"submit"' kept/journal.jsonl)" = 1 ]
	[ ! -e kept/.service ]
	jq -e '.cells[0].verdict == "passed"' kept/summary.json
}

@test "a report that cannot be written is told before anything runs" {
	spec 'a: { language: bash, code: echo a }'
	mkdir folder
	while IFS='|' read -r path why; do
		exits 2 sandbatch run s.yaml --output kept --report "junit=$path"
		[ "$(cat err)" = "sandbatch: --report: $why" ]
		[ ! -e kept ] && [ ! -e .sandbatch ]
	done <<-'EOF'
		no/such/x.xml|cannot write 'no/such/x.xml': its folder is not there
		folder|cannot write 'folder': Is a directory
		s.yaml/x.xml|cannot write 's.yaml/x.xml': Not a directory
		kept2/x.xml|cannot write 'kept2/x.xml': its folder is not there
		|a path is wanted after '='
	EOF
}

@test "a report may lie in a folder that the run makes" {
	spec 'a: { language: bash, code: echo a }'
	exits 0 sandbatch run s.yaml --output new/kept --report "junit=$PWD/new/kept/x.xml" --report junit=./new//kept/jobs/a/y.xml
	grep -q '<testsuite' new/kept/x.xml
	cmp new/kept/x.xml new/kept/jobs/a/y.xml
	exits 0 sandbatch run s.yaml --report junit=.sandbatch/runs/latest/x.xml
	[ -s .sandbatch/runs/latest/x.xml ]
	exits 2 sandbatch report --report junit=new/kept/other/x.xml
}

@test "--report writes jsonl and junit where it is told" {
	spec 'a: { language: bash, code: "echo \"]]> & <tag>\"; exit 1" }' 'b: { language: bash, code: "true" }'
	exits 1 batch --report jsonl=rows.jsonl --report junit=junit.xml --report junit
	jq -es 'map(.verdict) == ["failed", "passed"]' rows.jsonl
	jq -es 'all(has("cell") and has("job") and has("verdict") and has("reason") and has("exit_code") and
		has("duration_ms") and has("attempts") and has("points") and has("max_points"))' rows.jsonl
	python3 - <<-'PYTHON'
		import xml.etree.ElementTree as tree
		suites = tree.parse("junit.xml").getroot()
		cases = list(suites.iter("testcase"))
		assert [case.get("name") for case in cases] == ["a", "b"], cases
		assert cases[0].find("failure") is not None and cases[1].find("failure") is None
	PYTHON
	test -s kept/junit.xml
}

@test "a service that is not there ends the run with 4, and says where it looked" {
	spec 'a: { language: bash, code: "true" }'
	exits 4 batch --endpoint unix:nowhere.sock
	grep 'nowhere.sock' err
}

@test "what runs is cancelled by Ctrl-C, the journal is complete, and the status 130" {
	spec 'quick: { language: bash, code: "true" }' \
		"slow: { language: bash, code: \"exec sleep 54.$$\", needs: [quick] }" \
		'never: { language: bash, code: "true", needs: [slow] }'
	# A group of its own, as a terminal's foreground job has one.
	perl -e 'setpgrp; $SIG{INT} = "DEFAULT"; exec @ARGV' \
		"$SANDBATCH" run s.yaml --output kept >out 2>err 3>&- &
	runner=$!
	eventually started "sleep 54.$$"
	mapfile -t family < <(family $runner)
	kill -INT -- -$runner
	status=0
	wait $runner || status=$?
	test $status -eq 130
	eventually all_dead "${family[@]}"
	verdicts kept >rows
	printf 'quick passed\nslow cancelled\nnever cancelled\n' | diff - rows
	jq -es 'length > 0' kept/journal.jsonl
	not started "sleep 54.$$"
}

@test "the embedded service killed -9: the run says so, ends with 4 and leaves nothing behind" {
	spec 'quick: { language: bash, code: "true" }' \
		"slow: { language: bash, code: \"sleep 56.$$ & exec sleep 55.$$\", needs: [quick] }"
	TMPDIR=$PWD "$SANDBATCH" run s.yaml --output kept >out 2>err 3>&- &
	runner=$!
	eventually started "sleep 55.$$"
	service=$(pgrep -P $runner)
	mapfile -t family < <(family $runner)
	mapfile -t groups < <(for pid in "${family[@]}"; do cat "/proc/$pid/cgroup" 2>/dev/null; done |
		cut -d: -f2,3 | sort -u)
	kill -9 "$service"
	status=0
	wait $runner || status=$?
	cat err
	test $status -eq 4
	grep -i 'service' err
	eventually all_dead "${family[@]}"
	not started "sleep 5[56].$$"
	verdicts kept | grep -x 'quick passed'
	verdicts kept | grep -x 'slow error'
	for group in "${groups[@]}"; do
		case $group in
		*sandbatch*) [ -z "$(find /sys/fs/cgroup -type d -path "*${group#*:}" 2>/dev/null)" ] ;;
		esac
	done
	not grep sandbatch /proc/self/mountinfo
	test -z "$(find . /run /tmp -maxdepth 1 -name '*sandbatch*.sock*' 2>/dev/null)"
}
