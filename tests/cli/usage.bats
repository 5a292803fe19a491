#!/usr/bin/env -S bats --tap
# Wrong usage ends with 2, help with 0, and what help says is what the man page says.
load common

COMMANDS='run validate plan exec serve keys languages report runs cache jobs doctor version schema'

@test "no subcommand is wrong usage, and lists them on stderr" {
	exits 2 sandbatch
	test ! -s out
	for c in $COMMANDS; do
		grep -q "^  $c " err
	done
}

@test "an unknown subcommand is wrong usage, and the nearest one is offered" {
	exits 2 sandbatch valdate
	grep "did you mean 'validate'" err
}

@test "an unknown option is wrong usage, and the nearest one is offered" {
	exits 2 sandbatch run --endpiont http://127.0.0.1:1 s.yaml
	grep -- "did you mean '--endpoint'" err
}

@test "an option without its value is wrong usage" {
	exits 2 sandbatch run s.yaml --output
}

@test "a number out of range, or that is none, is wrong usage" {
	exits 2 sandbatch run -j 0 s.yaml
	exits 2 sandbatch run -j many s.yaml
	exits 2 sandbatch serve --slots -1
}

@test "run, validate and plan without a spec are wrong usage" {
	for c in run validate plan; do
		exits 2 sandbatch "$c"
	done
}

@test "an unknown report format is wrong usage, told before anything runs" {
	project
	exits 2 sandbatch run --report xml specs/regression.yaml
	test ! -e .sandbatch
}

@test "an endpoint that is no address is wrong usage" {
	project
	exits 2 sandbatch run --endpoint gopher://x specs/regression.yaml
}

@test "every subcommand has --help on stdout" {
	for c in $COMMANDS; do
		exits 0 sandbatch "$c" --help
		head -n 1 out | grep "^usage: sandbatch $c"
		test ! -s err
	done
}

@test "the man page has exactly the options that --help lists, for each subcommand" {
	for c in $COMMANDS; do
		sandbatch "$c" --help | sed -n 's/^  \(-., \|    \)--\([a-z-]*\).*/\2/p' | sort -u >help
		awk -v c="$c" '$1 == ".Ss" { on = $2 == c } $1 == ".It" && on' "$TOP/man/sandbatch.1" |
			grep -o 'Fl -[a-z-]*' | sed 's/^Fl -//' | sort -u >page
		grep -v '^help$' help | diff - page
	done
}

@test "the man page has exactly the subcommands there are" {
	sed -n 's/^\.Ss //p' "$TOP/man/sandbatch.1" | sort >page
	sandbatch --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort | diff - page
}

@test "version is one line" {
	exits 0 sandbatch version
	grep -x 'sandbatch [0-9]*\.[0-9]*\.[0-9]*' out
	exits 0 sandbatch --version
}

@test "a full disk under stdout is told" {
	run -5 bash -c 'sandbatch version >/dev/full'
}

@test "standard files that came closed are not the next ones that we open" {
	sh -c 'exec sandbatch serve --executor fake --script "$FIXTURES/service/script.json" --listen unix:socket --data data \
		<&- >&- 2>&- 3>&-' &
	local pid=$! fd
	SERVICES+=("$pid")
	eventually curl -sfo /dev/null --unix-socket socket http://localhost/health
	for fd in 0 1 2; do
		[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ]
	done
	exits 5 sh -c 'exec sandbatch version >&-'
	grep -q '^sandbatch: cannot write to standard output' err
}

@test "a file that may not become as large is told, and does not kill us" {
	exits 5 bash -c 'ulimit -f 1; exec sandbatch schema >large'
	grep -q '^sandbatch: cannot write to standard output: File too large' err
}

@test "what a run's own service refuses is wrong usage, in its words" {
	printf '%s\n' 'version: 1' 'jobs: { a: { language: bash, code: "true" } }' >s.yaml
	exits 2 sandbatch run --bind /nowhere s.yaml
	grep -Fx "sandbatch: --bind must be the absolute path of a folder, not '/nowhere'" err
	test -z "$(ls -A .sandbatch)"
}

@test "a key to sign with that is not there is told before anything runs" {
	printf '%s\n' 'version: 1' 'jobs: { a: { language: bash, code: "true" } }' >s.yaml
	exits 2 sandbatch run --sign nokey s.yaml
	grep -q "^sandbatch: --sign: cannot read 'nokey'" err
	test ! -e .sandbatch
}
