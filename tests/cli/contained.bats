#!/usr/bin/env -S bats --tap
# Attacks, as specs: each is contained and named, and the next job in the same slot sees nothing of it.
load common

# attack LANGUAGE LIMITS EXPECT <CODE -- the program alone, then an honest one after it. ATTACK_TTL: seconds; 2 are
# too few where an emulated processor takes as long to start an interpreter.
attack() {
	{
		printf 'version: 1\nname: attack\njobs:\n'
		printf '  attack:\n    language: %s\n    ttl: %s\n    limits: %s\n    expect: %s\n    code: |\n' \
			"$1" "${ATTACK_TTL:-2}" "${@:2}"
		sed 's/^/      /'
		printf '  after:\n    language: bash\n    needs: [attack]\n'
		cat <<-'CODE'
			    code: |
			      ls -A /tmp
			      ls -A /dev/shm 2>/dev/null
			      for p in /proc/[0-9]*/comm; do
			          read -r name <"$p"
			          [ "$name" = bash ] || echo "a stranger: $name"
			      done
		CODE
	} >s.yaml
	exits 0 timeout 60 sandbatch run s.yaml --output kept -j 1 --slots 1
	! is_root || exits 0 as_nobody timeout 60 sandbatch run s.yaml --output kept_nobody -j 1 --slots 1
	# The honest job sees its own source, and no process but its own.
	for seen in kept*/jobs/after/stdout; do
		test "$(cat "$seen")" = main.sh
	done
}

# is CONDITION -- of the attack's result, in jq's words; as root and as nobody.
is() {
	jq -es "all($1)" kept*/jobs/attack/result.json || {
		cat kept*/jobs/attack/result.json
		return 1
	}
}

@test "a fork bomb" {
	attack c '{ processes: 32 }' '{ status: timeout }' <<-'CODE'
		#include <unistd.h>
		int main(void) { for (;;) fork(); }
	CODE
	is '.limit == "processes"'
}

@test "a memory bomb" {
	attack c '{ memory_mb: 64 }' '{ exit_code: any }' <<-'CODE'
		#include <stdlib.h>
		#include <string.h>
		int main(void)
		{
			for (size_t n = 0; n < 4096; n++) {
				char *p = malloc(1 << 20);
				if (!p)
					abort();
				memset(p, 1, 1 << 20);
			}
			return 0;
		}
	CODE
	is '.exit_code != 0'
}

@test "an endless loop" {
	attack bash '{}' '{ status: timeout }' <<-'CODE'
		trap '' TERM INT HUP
		while :; do :; done
	CODE
	is '.limit == "ttl" or .limit == "cpu"'
}

@test "an output flood does not kill the program, and is cut" {
	attack python '{ output_bytes: 1000 }' '{ exit_code: 0 }' <<-'CODE'
		import sys
		for n in range(100000):
		    sys.stdout.write("x" * 99 + "\n")
	CODE
	is '.stdout_truncated'
	for seen in kept*/jobs/attack/stdout; do
		test "$(wc -c <"$seen")" -eq 1000
	done
}

@test "the network is not there" {
	attack python '{}' '{ stdout: "2" }' <<-'CODE'
		import socket
		refused = 0
		for address in ("192.0.2.1", 53), ("127.0.0.1", 22):
		    for kind in (socket.SOCK_STREAM,):
		        s = socket.socket(socket.AF_INET, kind)
		        s.settimeout(1)
		        try:
		            s.connect(address)
		        except OSError:
		            refused += 1
		print(refused)
	CODE
}

@test "a process that is left behind dies with its program" {
	attack bash '{}' '{ exit_code: 0 }' <<-CODE
		(setsid sleep 57.$$ >/dev/null 2>&1 &)
		(setsid setsid sleep 58.$$ &)
	CODE
	not started "sleep 5[78].$$"
}

@test "the host's files are not there, or cannot be written" {
	attack bash '{}' '{ stdout: "done" }' <<-CODE
		cat /etc/shadow && echo shadow
		ls "$PWD" && echo project
		touch /usr/bin/x /etc/x /x && echo written
		mount -t tmpfs none /mnt && echo mounted
		echo done
	CODE
}

@test "a job, warm or not, may use every processor that the service may" {
	echo 'import os; print(len(os.sched_getaffinity(0)))' >n.py
	exits 0 sandbatch exec n.py
	grep -x "$(nproc)" out
	exits 0 taskset -c 0 sandbatch exec n.py
	grep -x 1 out
	cat >s.yaml <<-END
		version: 1
		jobs: { n: { file: n.py, matrix: { i: [1, 2, 3, 4, 5] }, expect: { stdout: "$(nproc)\n" } } }
	END
	exits 0 sandbatch run s.yaml --no-cache --output kept -j 1 --slots 1
	jq -r .execution_mode kept/jobs/*/result.json | grep -x warm
}
