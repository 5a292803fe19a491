#!/usr/bin/env -S bats --tap
# A service that keeps to part 1 of the contract, as the hosted one does: what it lacks is provided or refused.
load common
load hosted

# program LANGUAGE -- prints an argument, a line of stdin, and a file of a folder, which an executable has a say in.
# shellcheck disable=SC2016,SC2028 # programs of other languages
program() {
	case $1 in
	bash) echo 'echo "$1"; cat; echo "arg $2"; cat lib/a.txt; lib/tool' ;;
	python) printf '%s\n' 'import subprocess, sys' 'print(sys.argv[1])' 'print(sys.stdin.read(), end="")' \
		'print("arg", sys.argv[2])' 'print(open("lib/a.txt").read(), end="", flush=True)' 'subprocess.run("lib/tool")' ;;
	perl) echo '$| = 1; print "$ARGV[0]\n", <STDIN>, "arg $ARGV[1]\n"; open(F, "<", "lib/a.txt"); print <F>; system("lib/tool");' ;;
	ruby) echo 'STDOUT.sync = true; puts ARGV[0]; print STDIN.read; puts "arg #{ARGV[1]}"; print File.read("lib/a.txt"); system("lib/tool")' ;;
	javascript) printf '%s\n' 'const fs = require("fs"); const [a, b] = process.argv.slice(2);' \
		'fs.writeSync(1, `${a}\n${fs.readFileSync(0)}arg ${b}\n${fs.readFileSync("lib/a.txt")}`);' \
		'require("child_process").spawnSync("lib/tool", { stdio: "inherit" });' ;;
	esac
}

@test "trees, stdin and args reach programs of languages that can unpack them" {
	hosted
	mkdir lib
	echo 'of a tree' >lib/a.txt
	printf '#!/bin/sh\necho tool\n' >lib/tool
	chmod +x lib/tool
	echo 'version: 1' >s.yaml
	echo 'jobs:' >>s.yaml
	for language in bash python perl ruby javascript; do
		program $language >"main.$language"
		cat >>s.yaml <<-SPEC
			  $language:
			    language: $language
			    file: main.$language
			    files: [{ path: lib/ }]
			    stdin: "line 1\nline 2\n"
			    args: ["it's $HOME \"#{1}\" \\\\ é", "2"]
			    skip_unless: { language: available }
			    expect: { stdout: "it's $HOME \"#{1}\" \\\\ é\nline 1\nline 2\narg 2\nof a tree\ntool\n" }
		SPEC
	done
	exits 0 sandbatch run s.yaml --output kept --endpoint "$URL"
	cat out
	verdicts kept | grep -x 'bash passed'
	verdicts kept | grep -x 'python passed'
}

@test "exec says what it cannot hand on" {
	hosted
	exits 0 sandbatch exec -l bash --endpoint "$URL" - <<<'echo hi'
	test "$(cat out)" = hi
	echo 'cat' >cat.sh
	exits 2 sandbatch exec -l bash cat.sh --endpoint "$URL" <<<'input'
	grep -x "sandbatch: $URL does not offer this: stdin" err
	exits 2 sandbatch exec -l bash --endpoint "$URL" cat.sh -- one </dev/null
	grep -x "sandbatch: $URL does not offer this: args" err
}

@test "what cannot be had is said before anything is sent" {
	hosted
	cat >s.yaml <<-SPEC
		version: 1
		jobs:
		  compiled: { language: c, code: "int main(void) { return 0; }", stdin: "x" }
		  kept: { language: bash, code: "echo x >y", artifacts: [y] }
		  little: { language: bash, code: "true", limits: { memory_mb: 64 } }
		  flags: { language: c, code: "int main(void) { return 0; }", compile_args: [-O0] }
	SPEC
	exits 3 sandbatch run s.yaml --endpoint "$URL"
	cat err
	grep "$URL does not offer this: stdin (but in bash, python, perl, ruby and javascript)$" err
	grep "$URL does not offer this: artifacts$" err
	grep "$URL does not offer this: limits$" err
	grep "$URL does not offer this: compile_args$" err
	curl -sS "$URL/jobs" | jq -e '.jobs == []'
	test ! -e .sandbatch/runs
}
