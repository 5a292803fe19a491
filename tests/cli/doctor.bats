#!/usr/bin/env -S bats --tap
# The doctor carries out the whole table of attacks, and says what this host lacks.
load common

@test "all attacks are survived, and told as a table" {
	exits 0 timeout 100 sandbatch doctor
	grep -x 'This host' out
	grep -x 'Kernel surface: [0-9]* survived' out
	grep '^  a fork bomb  *process limit  *survived$' out
	tail -n 1 out | grep -x "$(sandbatch-attacks --list | wc -l) attacks: [0-9]* survived\(, [0-9]* not tested\)\?"
	test "$(grep -v ' not tested (' out | wc -L)" -le 100
	test ! -s err
}

@test "as an ordinary user too, as JSON" {
	is_root || skip "this user is one: see above"
	exits 0 as_nobody timeout 100 sh -c 'sandbatch doctor --json >told' # out is this shell's own
	jq -e '.host | map(.name) - ["speed"] == ["kernel", "user", "namespaces", "cgroups", "seccomp", "Landlock",
		"networking", "languages"]' told
	jq -e '.attacks | length > 200' told
	jq -e '.attacks | all(.result == "survived" or (.result == "not_tested" and .why != null))' told
}

# folders PID -- those of the services that it has started; false: none yet.
folders() {
	local child
	for child in $(pgrep -P "$1"); do
		tr '\0' '\n' <"/proc/$child/cmdline" | grep '^/tmp/sandbatch\.......$'
	done | sort >folders
	[ "$(wc -l <folders)" -ge 4 ]
}

@test "interrupted, it leaves nothing behind" {
	local pid got=0
	"$SANDBATCH" doctor >out 2>err 3>&- &
	pid=$!
	eventually folders $pid
	kill -TERM $pid
	wait $pid || got=$?
	[ "$got" = 130 ]
	[ "$(cat err)" = 'sandbatch: interrupted' ]
	while read -r folder; do
		[ ! -e "$folder" ]
	done <folders
}

# slowly COMMAND... -- with a tenth of a CPU, by a cgroup of its own.
slowly() {
	local group=/sys/fs/cgroup/cpu/slowly.$$ got=0
	if [ -d /sys/fs/cgroup/cpu ]; then
		mkdir "$group"
		echo 10000 >"$group/cpu.cfs_quota_us"
	else
		group=/sys/fs/cgroup/slowly.$$
		mkdir "$group"
		echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
		echo '10000 100000' >"$group/cpu.max"
	fi
	(echo 0 >"$group/cgroup.procs" && exec "$@") || got=$?
	eventually rmdir "$group" 2>err.rmdir || cat err.rmdir
	return $got
}

@test "on a slow host attacks have more time, and that is told" {
	is_root || skip "only root limits the CPU of a group"
	exits 0 slowly timeout 100 sandbatch doctor --class Output --json
	jq -e '.host | any(.name == "speed" and .state == "less" and (.found | test("^programs take [0-9]+ times as long as usual$")))' out
	jq -e '.attacks | length > 0 and all(.result == "survived")' out
}

@test "where user namespaces are off the doctor and a run name the sysctl, and end with 5" {
	cat >off.py <<-'PY'
		import ctypes, os, sys
		uid = os.getuid()
		if ctypes.CDLL(None).unshare(0x10000000) != 0:
		    raise SystemExit("no user namespace")
		for name, text in [("self/setgroups", "deny"), ("self/uid_map", f"1000 {uid} 1"),
		                   ("sys/user/max_user_namespaces", "0")]:
		    with open(f"/proc/{name}", "w") as f:
		        f.write(text)
		os.dup2(os.open("told", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
		os.dup2(1, 2)
		os.execvp("sandbatch", sys.argv[1:])
	PY
	as() { if is_root; then as_nobody "$@"; else "$@"; fi; }
	exits 5 as python3 off.py sandbatch doctor
	grep 'sysctl -w user.max_user_namespaces=10000' told
	grep '^Nothing can be run here: ' told
	echo 'version: 1' >s.yaml
	echo 'jobs: { a: { language: bash, code: ":" } }' >>s.yaml
	exits 5 as python3 off.py sandbatch run s.yaml
	grep 'root must run sysctl -w user.max_user_namespaces=10000$' told
}
