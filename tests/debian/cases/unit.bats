#!/usr/bin/env -S bats --tap
# The systemd unit, as `make install` puts it on a Debian 12.
load common

setup_file() {
	make -s -C "$TOP" install PREFIX=/usr/local DEVELOPER=1
	systemd-sysusers
	systemd-tmpfiles --create
	systemctl daemon-reload
	systemctl start sandbatch
}

teardown_file() {
	systemctl stop sandbatch
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	URL=http://127.0.0.1:8080
	eventually answering
}

answering() {
	curl -s -m 20 -o /dev/null "$URL/health"
}

main_pid() {
	systemctl show --value -p MainPID sandbatch
}

# The unit's groups in which there is a process of a job: not just an init, a fork of its warden, that waits for one.
groups_of_jobs() {
	local group pid
	for group in "$UNIT_GROUP"/sandbatch.*.*/cgroup.procs; do
		[ -e "$group" ] || continue
		while read -r pid; do
			[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sandbatch-jail ] || echo "$group"
		done <"$group"
	done
}

no_job_is_left() {
	[ -z "$(groups_of_jobs)" ]
}

# A job that goes on for a minute, in ID.
long_job() {
	jq -cn --arg code "$1" '{language: "bash", $code}' >request
	answers 200 POST /execute/async -H 'Content-Type: application/json' --data-binary @request
	ID=$(jq -r .job_id body)
}

@test "it runs as its own user, and what it keeps is nobody else's" {
	[ "$(ps -o user= -p "$(main_pid)")" = sandbatch ]
	[ "$(stat -c '%U %a' /var/lib/sandbatch)" = 'sandbatch 700' ]
	[ "$(stat -c '%U %G %a' /etc/sandbatch)" = 'root sandbatch 750' ]
}

@test "a job by curl" {
	job python 'print(6 * 7)'
	is '.success and .stdout == "42\n" and .execution_mode != "limits"'
}

@test "its limits are those of a cgroup of the unit, which counts its memory" {
	long_job 'echo on; sleep 60'
	eventually status_is running
	local group
	found() {
		group=$(groups_of_jobs | head -n 1)
		[ -n "$group" ]
	}
	eventually found
	group=${group%/*}
	[ "$(cat "$group/memory.max")" = $((1024 << 20)) ]
	[ "$(cat "$group/memory.oom.group")" = 1 ]
	[ "$(cat "$group/pids.max")" -ge 128 ]
	[ "$(cat "$group/pids.max")" -le 130 ]
	answers 200 DELETE "/jobs/$ID"
	eventually no_job_is_left
	job python 'x = b"x" * (100 << 20); print(len(x))'
	is '.success and .peak_memory_bytes > (100 * 1048576) and .peak_memory_bytes < (200 * 1048576)'
	job python 'print(1)'
	is '.success and .peak_memory_bytes < (50 * 1048576)'
}

@test "a memory bomb is ended for its memory, all of it" {
	job python "$MEMORY_BOMB" '{"limits":{"memory_mb":64}}'
	is '(.success | not) and .limit == "memory" and .peak_memory_bytes <= (64 * 1048576)'
	job bash 'sleep 61.5 & head -c 200000000 /dev/zero | tail; sleep 60' '{"limits":{"memory_mb":64}}'
	is '.limit == "memory"'
	eventually no_job_is_left
	not started '^sleep 61.5'
}

@test "a fork bomb is held, and ended with its time" {
	job c "$FORK_BOMB" '{"limits":{"processes":32},"ttl":3}'
	is '.limit == "processes"'
	eventually no_job_is_left
	job bash 'echo next'
	is '.stdout == "next\n"'
}

@test "keys are read again on reload" {
	mkdir -p /run/systemd/system/sandbatch.service.d
	printf '[Service]\nExecStart=\nExecStart=%s\n' \
		'/usr/local/bin/sandbatch serve --listen 127.0.0.1:8080 --keys /etc/sandbatch/keys.yml' \
		>/run/systemd/system/sandbatch.service.d/keys.conf
	key() {
		printf 'keys:\n  - { name: course, secret_sha256: %s }\n' "$(printf %s "$1" | sha256sum | cut -d' ' -f1)" \
			>/etc/sandbatch/keys.yml
		chown sandbatch: /etc/sandbatch/keys.yml
		chmod 600 /etc/sandbatch/keys.yml
	}
	key first
	systemctl daemon-reload
	systemctl restart sandbatch
	eventually answering
	answers 200 GET /jobs -H 'Authorization: Bearer first'
	answers 401 GET /jobs -H 'Authorization: Bearer second'
	local pid
	pid=$(main_pid)
	key second
	systemctl reload sandbatch
	second() {
		answers 200 GET /jobs -H 'Authorization: Bearer second'
	}
	eventually second
	answers 401 GET /jobs -H 'Authorization: Bearer first'
	[ "$(main_pid)" = "$pid" ]
	rm -r /run/systemd/system/sandbatch.service.d /etc/sandbatch/keys.yml
	systemctl daemon-reload
	systemctl restart sandbatch
}

@test "killed -9 it is started again: the jobs go on, and of the old ones' processes nothing is left" {
	local ended pid
	job bash 'echo kept'
	ended=$(jq -r .job_id body)
	long_job '[ -e /dev/shm/again ] || exec sleep 62.5'
	eventually status_is running
	eventually started '^sleep 62.5'
	pid=$(main_pid)
	kill -KILL "$pid"
	another() {
		[ "$(main_pid)" -gt 0 ] && [ "$(main_pid)" != "$pid" ] && answering
	}
	eventually another
	[ -z "$(find "$UNIT_GROUP" -name "sandbatch.$pid.*")" ]
	# run again, once
	eventually status_is running
	answers 200 DELETE "/jobs/$ID"
	ID=$ended
	status_is completed
	[ "$(jq -r .result.stdout body)" = kept ]
	eventually no_job_is_left
	not started '^sleep 62.5'
	job python 'x = b"x" * (100 << 20)' '{"limits":{"memory_mb":64}}'
	is '.limit == "memory"'
}

@test "a stop is a graceful one, and the journal has it all" {
	long_job 'sleep 63.5'
	eventually status_is running
	systemctl stop sandbatch
	[ "$(systemctl show --value -p ActiveState sandbatch)" = inactive ]
	[ "$(systemctl show --value -p Result sandbatch)" = success ]
	not started '^sleep 63.5'
	[ ! -e "$UNIT_GROUP" ]
	systemctl start sandbatch
	eventually answering
	# left to the next service
	eventually status_is running
	answers 200 DELETE "/jobs/$ID"
	journalctl -u sandbatch -o cat >journal
	grep -qx "listening on $URL" journal
	cat journal
}
