#!/usr/bin/env -S bats --tap
# One program: its output is ours, and so is its exit status.
load common

@test "a program from a file, its language by its name" {
	printf 'print(6 * 7)\n' >answer.py
	exits 0 sandbatch exec answer.py
	test "$(cat out)" = 42
	test ! -s err
}

@test "a program from standard input, its language told" {
	exits 3 sandbatch exec -l bash - <<<'echo out; echo err >&2; exit 3'
	test "$(cat out)" = out
	test "$(cat err)" = err
}

@test "a shebang tells the language too" {
	printf '#!/usr/bin/perl\nprint "perl\\n";\n' >program
	exits 0 sandbatch exec program
	test "$(cat out)" = perl
}

@test "what follows -- are its arguments" {
	printf 'printf "<%%s>" "$@"\n' >args.sh
	exits 0 sandbatch exec args.sh -- --ttl 'a b' ''
	test "$(cat out)" = '<--ttl><a b><>'
}

@test "standard input is the program's" {
	printf 'import sys\nprint(sys.stdin.read().upper())\n' >upper.py
	exits 0 sandbatch exec upper.py <<<'hello'
	grep -x HELLO out
}

@test "a signal is 128 and its number, its time over 124" {
	printf 'kill -SEGV $$\n' >crash.sh
	exits 139 sandbatch exec crash.sh
	printf 'while :; do :; done\n' >loop.sh
	exits 124 sandbatch exec --ttl 1 loop.sh
}

@test "a compiler's words are shown" {
	printf 'int main(void) { return 0 }\n' >bad.c
	run ! sandbatch exec bad.c
	[[ $output == *expected* ]]
}

@test "a language that nothing tells is wrong usage, a file that is not there is ours" {
	printf 'x\n' >program
	exits 2 sandbatch exec program
	exits 125 sandbatch exec nowhere.py
}

@test "languages lists what the specs need, and packages for what is missing" {
	exits 0 sandbatch languages --json
	jq -e '([.. | objects | select(.available == true) | .name]) as $have
		| ["bash", "python", "c", "cpp", "javascript", "perl"] - $have == []' out
	exits 0 sandbatch languages
	grep '^python' out
}

# stopped_early COMMAND... -- it is told to end while its service, whose folder is in FOLDER, starts; its status in GOT.
stopped_early() {
	local pid child=
	"$SANDBATCH" "$@" >out 2>err 3>&- &
	pid=$!
	until child=$(pgrep -P $pid -f -- '--data /tmp/sandbatch'); do
		kill -0 $pid
	done
	kill -STOP "$child"
	FOLDER=$(tr '\0' '\n' <"/proc/$child/cmdline" | grep '^/tmp/sandbatch\.......$')
	kill -TERM $pid
	kill -CONT "$child"
	GOT=0
	wait $pid || GOT=$?
}

@test "told to end while their service starts, exec and languages leave nothing behind" {
	echo 'sleep 30' >s.sh
	stopped_early exec s.sh </dev/null
	[ "$GOT" = 143 ]
	[ ! -e "$FOLDER" ]
	stopped_early languages
	[ "$GOT" = 130 ]
	[ "$(cat err)" = 'sandbatch: interrupted' ]
	[ ! -e "$FOLDER" ]
}
