#!/usr/bin/env -S bats --tap
# An ordinary user of a Debian 12: cgroups where the user manager delegates them, else what there is without.
load common

UNDELEGATED='no cgroups here: memory and processes are limited by rlimits and a watcher'

setup_file() {
	HERE=$(getent passwd student | cut -d: -f6)/sandbatch
	export HERE
	cp -R "$TOP/specs" "$BUILD/sandbatch" "$BUILD/sandbatch-jail" "$BUILD/sandbatch-attacks" "$BUILD/etc" -t "$(mkdir -p "$HERE" && echo "$HERE")"
	chown -R student: "$HERE"
	loginctl enable-linger student
}

# student COMMAND... -- in a session of that user's, with the user's manager at hand.
student() {
	local got=0
	systemd-run -q --wait --pipe --machine student@.host --user --working-directory "$HERE" "$@" >out 2>err || got=$?
	cat out err
	return $got
}

# In a group that is root's: what a login by console or ssh has.
undelegated() {
	systemd-run -q --wait --pipe --uid student --working-directory "$HERE" -E HOME="${HERE%/*}" "$@" >out 2>err
}

bombs() {
	cat >"$HERE/bombs.yaml" <<-'END'
		version: 1
		jobs:
		  memory:
		    language: python
		    limits: { memory_mb: 64 }
		    ttl: 20
		    expect: { exit_code: any, status: completed }
		    code: |
		      x = []
		      while True:
		          x.append(b"x" * (1 << 20))
		  processes:
		    language: c
		    limits: { processes: 32 }
		    ttl: 4
		    expect: { status: timeout }
		    code: |
		      #include <unistd.h>
		      int main(void) { for (;;) fork(); }
	END
	chown student: "$HERE/bombs.yaml"
}

limit() {
	jq -r .limit "$HERE/kept/jobs/$1/result.json"
}

@test "specs/tour.yaml in a scope that is delegated" {
	student systemd-run -q --user --scope -p Delegate=yes "$HERE/sandbatch" run specs/tour.yaml --slots 1
	grep -q '14 passed' out
	not grep -q "$UNDELEGATED" err
}

@test "there the cgroup ends the bombs" {
	bombs
	student systemd-run -q --user --scope -p Delegate=yes "$HERE/sandbatch" run bombs.yaml --output kept || cat out err
	[ "$(limit memory)" = memory ]
	[ "$(limit processes)" = processes ]
}

@test "the doctor names them, and finds what it attacks there survived" {
	student systemd-run -q --user --scope -p Delegate=yes "$HERE/sandbatch" doctor --class Paths
	grep -qx '  cgroups  *version 2, delegated to us' out
	grep -qx 'Paths: [0-9]* survived' out
}

@test "specs/tour.yaml without delegation" {
	undelegated "$HERE/sandbatch" run specs/tour.yaml --slots 1
	cat out err
	grep -q '14 passed' out
}

@test "there the watcher ends the bombs" {
	bombs
	rm -rf "$HERE/kept"
	undelegated "$HERE/sandbatch" run bombs.yaml --output kept || cat out err
	[ "$(limit memory)" = memory ]
	[ "$(limit processes)" = processes ]
}

@test "serve says so when it starts" {
	undelegated timeout 3 "$HERE/sandbatch" serve --listen 127.0.0.1:0 --data kept.data || true
	grep -q "$UNDELEGATED" err
}

@test "Debian's own switch for user namespaces is on; off, serve refuses and names it" {
	[ "$(sysctl -n kernel.unprivileged_userns_clone)" = 1 ]
	sysctl -qw kernel.unprivileged_userns_clone=0
	undelegated "$HERE/sandbatch" serve --listen 127.0.0.1:0 --data kept.data || echo "exit status $?" >status
	sysctl -qw kernel.unprivileged_userns_clone=1
	cat out err
	grep -q 'namespaces are refused here.*root must run sysctl -w kernel.unprivileged_userns_clone=1' err
	[ "$(cat status)" = 'exit status 5' ]
}
