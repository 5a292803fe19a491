#!/usr/bin/env bats
# A service whose disk is full: FAULT_FILLS times over. A small disk is mounted for it alone. Five are the most: then
# SQLite's log has 32 MB (store.c) and begins anew, so that a disk with room for both does not fill.
load ../api/common

FILLS=${FAULT_FILLS:-1}

needs_root() {
	is_root || skip 'only root can mount a small disk'
}

# small_disk SIZE -- services started from now on have a disk of that size at ./data.
small_disk() {
	needs_root
	mkdir -p data
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nmount -t tmpfs -o size=%s none data && exec "%s" "$@"\n' "$1" "$BUILD/sandbatch" >on_small_disk
	printf '#!/bin/sh\nexec unshare -m ./on_small_disk "$@"\n' >own
	chmod +x on_small_disk own
	SANDBATCH=./own
}

# resize SIZE -- of that disk.
resize() {
	nsenter -t "${SERVICES[-1]}" -m mount -o "remount,size=$1" "$PWD/data"
}

# fill -- submit jobs until one is refused; their ids go behind ids.
fill() {
	local status
	while :; do
		status=$(call POST /execute/async -H 'Content-Type: application/json' --data-binary @large)
		[ "$status" = 200 ] || break
		jq -r .job_id body >>ids
	done
	[ "$status" = 500 ]
}

# each_ended -- every id that was given out is that of a job which ended with its result.
each_ended() {
	local id
	while read -r id; do
		answers 200 GET "/jobs/$id?wait=20"
		jq -e --arg id "$id" '.status == "completed" and .result.job_id == $id and .result.stdout == "awake\n"' body >/dev/null
	done <ids
}

@test "with its disk full a submit is one clear error, and with room again all goes on" {
	small_disk 2m
	fake_start --data data --slots 16
	printf '{"language":"bash","code":"sleepy # %s"}' "$(head -c 100000 /dev/zero | tr '\0' x)" >large
	local round size=2
	for ((round = 0; round < FILLS; round++)); do
		fill
		jq -e '.success == false and .code == "internal_error" and
			(.error | test("^cannot [a-z ]+: no space is left on its disk for data/jobs.db$"))' body
		answers 200 GET /health
		answers 200 GET /languages
		answers 200 GET "/jobs/$(head -n 1 ids)"
		size=$((size + 6))
		resize ${size}m
		eventually answers 200 POST /execute -H 'Content-Type: application/json' --data-binary @large
		jq -e '.stdout == "awake\n"' body
		each_ended
		cat ids >>all
		rm ids
	done
	mv all ids
	each_ended
	[ "$(wc -l <ids)" -ge 5 ]
	answers 200 GET /jobs
	says '{"jobs":[]}'
	not grep -v ' warn .*no space is left on its disk for data/jobs.db$' serve.1.err
}

@test "killed with its disk full, it has lost nothing that it had acknowledged" {
	mkdir -p kept
	small_disk 2m
	fake_start --data data --slots 2
	printf '{"language":"bash","code":"sleepy # %s"}' "$(head -c 100000 /dev/zero | tr '\0' x)" >large
	fill
	# What is on the disk when it dies, as the next service will find it.
	# shellcheck disable=SC2016
	nsenter -t "${SERVICES[-1]}" -m sh -c 'kill -STOP "$1"; cp -a "$2"/data/. "$2"/kept' - "${SERVICES[-1]}" "$PWD"
	serve_crash
	SANDBATCH=$BUILD/sandbatch
	fake_start --data kept
	each_ended
}

@test "a start on a full disk is refused with one sentence" {
	needs_root
	mkdir data
	# shellcheck disable=SC2016
	run unshare -m sh -c 'mount -t tmpfs -o size=64k none data && dd if=/dev/zero of=data/other bs=4k status=none 2>/dev/null
		exec timeout 10 "$1" serve --executor fake --script "$2" --data data --listen 127.0.0.1:0' - "$SANDBATCH" "$SCRIPT"
	echo "$output"
	[ "$status" -eq 5 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *'no space is left on its disk for data/jobs.db' ]]
}

@test "a data folder on a read-only disk ends the start with one sentence, and is left as it is" {
	needs_root
	fake_start --data data
	submit hi
	serve_stop
	# shellcheck disable=SC2016
	run unshare -m sh -c 'mount --bind data data && mount -o remount,ro,bind data
		exec timeout 10 "$1" serve --executor fake --script "$2" --data data --listen 127.0.0.1:0' - "$SANDBATCH" "$SCRIPT"
	echo "$output"
	[ "$status" -eq 5 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *'data/jobs.db: Read-only file system' ]]
	fake_start --data data
	answers 200 GET "/jobs/$ID"
}

@test "a run whose own service has no room says so once, and with room again goes on" {
	needs_root
	# shellcheck disable=SC2016
	printf '%s\n' 'version: 1' 'jobs:' '  a: { language: bash, matrix: { n: [1, 2, 3, 4, 5, 6] },' \
		'       code: "head -c 200000 /dev/zero; echo ${{ matrix.n }}" }' >s.yaml
	mkdir -p .sandbatch/service
	unshare -m timeout 60 sh -eu -c '
		mount -t tmpfs -o size=900k none .sandbatch/service
		sandbatch run s.yaml >out 2>err &
		until grep -q "waits for room" err; do sleep 0.1; done
		mount -o remount,size=64m .sandbatch/service
		wait $!
	'
	[ "$(grep -c '^sandbatch: the service of this run waits for room: cannot .*jobs.db$' err)" = 1 ]
	verdicts .sandbatch/runs/latest | grep -c 'passed$' | grep -x 6
}
