#!/usr/bin/env -S bats --tap
# The runner killed -9 at random moments, and gone on with: in the end all is as if nothing had been.
# FAULT_RESUMES=200, as in make check-faults, is what the project promises; the default fits into every check.
load common

KILLS=${FAULT_RESUMES:-6}

# write_spec N CODE -- N chains of three cells; CODE says JOB and NUMBER when it is run.
# shellcheck disable=SC2016
write_spec() {
	local job
	printf 'version: 1\nname: chains\ndefaults: { language: bash, ttl: 5 }\njobs:\n'
	for job in a b c; do
		printf '  %s:\n    code: "%s%s ${{ matrix.n }}"\n' $job "$2" $job
		printf '    matrix: { n: [%s] }\n' "$(seq -s ', ' 1 "$1")"
		printf '    expect: { stdout: "%s ${{ matrix.n }}" }\n' $job
		case $job in
		b) printf '    needs: [a]\n' ;;
		c) printf '    needs: [b]\n    points: 2\n' ;;
		esac
	done
}

# What must be equal: all but times.
essence() {
	jq -S '{name, total, counts, cells: [.cells[] | {cell, job, verdict, reason, exit_code, attempts, points,
		max_points, artifacts, failures}]}' "$1/summary.json"
}

# kill_within MS COMMAND... -- run it, and kill it -9 at some moment before; whether it was still there then.
kill_within() {
	local most=$1 pid status=0
	shift
	"$@" >/dev/null 2>err 3>&- &
	pid=$!
	sleep "$(printf '0.%03d' $((RANDOM % most)))"
	kill -9 $pid 2>/dev/null || true
	wait $pid 2>/dev/null || status=$?
	[ $status -eq 137 ]
}

latest() {
	(cd .sandbatch/runs/latest && pwd -P)
}

# storm MS STATUS RUN... -- kill such a run, and those that go on with it; the last one may end. The more kills, the
# sooner they come, so that there is still something to kill; but MS is what it takes to begin.
storm() {
	local most=$(($1 + 1500 / KILLS)) status=$2 kills
	shift 2
	kill_within "$most" "$@" || true
	while [ ! -s .sandbatch/runs/latest/journal.jsonl ]; do
		rm -rf .sandbatch # nothing had begun
		kill_within "$most" "$@" || true
	done
	for ((kills = 1; kills < KILLS; kills++)); do
		kill_within "$most" sandbatch run --resume || true
	done
	exits "$status" sandbatch run --resume
}

@test "kill -9 at random moments and --resume: the report is an undisturbed one's, no cell ran twice" {
	write_spec 100 '' >s.yaml
	cat >script.json <<-'JSON'
		[{"match":"a 7","delay_ms":20,"exit_code":1,"stdout":"a?\n"},
		 {"match":"b 5","delay_ms":20,"exit_code":3},
		 {"match":"c 77","status":"timeout"}]
	JSON
	serve_start --executor fake --script script.json --slots 8
	exits 1 sandbatch run s.yaml --endpoint "$URL" --no-cache --output whole -j 16
	essence whole >want
	serve_stop
	serve_start --executor fake --script script.json --slots 8 --data data
	storm 60 1 sandbatch run s.yaml --endpoint "$URL" --no-cache -j 16
	essence "$(latest)" | diff want -
	serve_stop
	jq '[.cells[] | select(.attempts > 0)] | length' whole/summary.json | diff - \
		<(sqlite3 data/jobs.db 'select count(*) from job')
	test -z "$(sqlite3 data/jobs.db "select 1 from job where status in ('pending', 'running')")"
}

@test "the same with a service of the run's own, which dies with it" {
	write_spec 10 'echo ' >s.yaml
	sed -i 's/echo b/test ${{ matrix.n }} != 3 || exit 1; echo b/' s.yaml
	exits 1 sandbatch run s.yaml --no-cache --output whole
	essence whole >want
	storm 200 1 sandbatch run s.yaml --no-cache
	essence "$(latest)" | diff want -
	test ! -e .sandbatch/service
}

@test "a run that was interrupted goes on, with what was cancelled run again" {
	# shellcheck disable=SC2016
	spec='jobs: { a: { language: bash, code: "true" }, b: { language: bash, code: "test -z \"$W\" || sleep 60", env: { W: "${{ vars.w }}" } } }'
	printf 'version: 1\nname: s\nvars: { w: "" }\n%s\n' "$spec" >s.yaml
	perl -e 'setpgrp; $SIG{INT} = "DEFAULT"; exec @ARGV' \
		"$SANDBATCH" run s.yaml --var w=1 --filter a --filter b -j 2 >out 2>err 3>&- &
	runner=$!
	eventually grep -qs '"cell":"b","job_id"' .sandbatch/runs/latest/journal.jsonl
	kill -INT -- -$runner
	status=0
	wait $runner || status=$?
	test $status -eq 130
	exits 0 sandbatch run --resume --var w=
	verdicts .sandbatch/runs/latest | diff - <(printf 'a passed\nb passed\n')
	jq -e '[.cells[].attempts] == [1, 1]' .sandbatch/runs/latest/summary.json
}

@test "a spec that changed between run and resume is told in one sentence" {
	printf 'version: 1\nname: s\njobs: { a: { language: bash, code: "exit 1" } }\n' >s.yaml
	exits 1 sandbatch run s.yaml
	exits 1 sandbatch run --resume
	test ! -s err || not grep changed err
	first=$(readlink .sandbatch/runs/latest)
	printf 'version: 1\ninclude_spec: s.yaml\n' >by.yaml
	exits 1 sandbatch run by.yaml
	sed -i 's/exit 1/true/' s.yaml
	exits 1 sandbatch run --resume
	grep 'by.yaml has changed since that run' err
	exits 1 sandbatch run --resume="$first"
	grep -c 's.yaml has changed since that run' err | grep -x 1
	exits 0 sandbatch run --rerun-failed
	exits 2 sandbatch run --resume=nowhere
	grep nowhere err
}

@test "a second runner at the same run is refused" {
	printf 'version: 1\nname: s\njobs: { a: { language: bash, code: "sleep 2" } }\n' >s.yaml
	sandbatch run s.yaml >out 2>err 3>&- &
	runner=$!
	eventually grep -qs '"job_id"' .sandbatch/runs/latest/journal.jsonl
	exits 2 sandbatch run --resume
	wait $runner
	verdicts .sandbatch/runs/latest | grep -x 'a passed'
}

@test "a disk that is full is told in one sentence, and with room the run goes on" {
	if [ "$(id -u)" -ne 0 ]; then skip "only root can mount a small disk"; fi
	# shellcheck disable=SC2016
	printf '%s\n' 'version: 1' 'name: s' 'jobs:' '  a: { language: bash, matrix: { n: [1, 2, 3, 4, 5, 6] },' \
		'       code: "head -c 200000 /dev/zero | tr \"\\\\0\" x; echo ${{ matrix.n }}" }' >s.yaml
	mkdir -p .sandbatch/runs
	unshare -m sh -eu -c '
		mount -t tmpfs -o size=600k none .sandbatch/runs
		sandbatch run -j 1 s.yaml >out1 2>err1 && exit 99
		echo $? >status1
		mount -o remount,size=64m .sandbatch/runs
		sandbatch run --resume >out2 2>err2
		cp -r .sandbatch/runs/latest/ kept
	'
	cat err1
	[ "$(cat status1)" = 5 ]
	grep -c '^sandbatch: .*No space left on device' err1 | grep -x 1
	verdicts kept | grep -c 'passed$' | grep -x 6
	[ "$(grep -c '"event":"submit"' kept/journal.jsonl)" -le 7 ]
}
