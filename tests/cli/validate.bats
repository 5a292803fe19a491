#!/usr/bin/env -S bats --tap
# What is wrong with a spec is told before anything runs, all of it.
load common

# spec LINE... -- s.yaml with one bash job whose other keys are these lines.
spec() {
	{
		printf '%s\n' 'version: 1' 'jobs:' '  a:' '    language: bash' '    code: "true"'
		printf '    %s\n' "$@"
	} >s.yaml
}

@test "a spec without mistakes is told to have none" {
	project
	exits 0 sandbatch validate specs/tour.yaml specs/regression.yaml specs/nightly.yaml specs/grading.yaml
	test ! -s err
	test "$(wc -l <out)" -eq 4
	test ! -e .sandbatch
}

@test "every mistake is told with its place, its line and a caret" {
	cp "$FIXTURES/cli/mistakes.yaml" .
	exits 3 sandbatch validate mistakes.yaml
	test ! -s out
	same err "$FIXTURES/cli/mistakes.err"
}

@test "run tells the same mistakes, ends with 3 and leaves no run behind" {
	cp "$FIXTURES/cli/mistakes.yaml" .
	exits 3 sandbatch run mistakes.yaml
	same err "$FIXTURES/cli/mistakes.err"
	test -z "$(ls .sandbatch/runs 2>/dev/null)"
}

@test "text that is no YAML is a mistake at its place" {
	printf 'version: 1\njobs: [unclosed\n' >s.yaml
	exits 3 sandbatch validate s.yaml
	grep -q '^s.yaml:[0-9]*:[0-9]*: ' err
}

@test "a billion laughs is refused at once" {
	{
		echo 'a: &a [x, x, x, x, x, x, x, x, x]'
		prev=a
		for name in b c d e f g h i j; do
			echo "$name: &$name [*$prev, *$prev, *$prev, *$prev, *$prev, *$prev, *$prev, *$prev, *$prev]"
			prev=$name
		done
	} >s.yaml
	exits 3 timeout 10 sandbatch validate s.yaml
}

@test "a file that is not there is a mistake at the line that names it" {
	spec 'files: [{ path: nowhere.txt }]'
	exits 3 sandbatch validate s.yaml
	grep '^s.yaml:6:.*nowhere.txt' err
}

@test "a glob that fits nothing is a mistake" {
	spec 'files: [{ glob: "*.csv" }]'
	exits 3 sandbatch validate s.yaml
	grep '^s.yaml:6:.*\*\.csv' err
}

@test "a path out of the spec's folder and of the project is refused without --allow-outside" {
	echo secret >secret.txt
	mkdir inner
	cd inner
	spec 'files: [{ path: ../secret.txt, as: secret.txt }]'
	exits 3 sandbatch validate s.yaml
	grep '^s.yaml:6:.*secret.txt' err
	exits 0 sandbatch validate --allow-outside s.yaml
}

@test "a pattern that does not compile is a mistake that says where" {
	spec "expect: { stdout: { matches: '(a' } }"
	exits 3 sandbatch validate s.yaml
	grep '^s.yaml:6:' err
}

@test "ten megabytes of input are too many, and that is told before anything is sent" {
	for i in 1 2 3; do
		head -c 4500000 /dev/zero >big$i
	done
	spec 'files: [big1, big2, big3]'
	exits 3 sandbatch validate s.yaml
	grep '^s.yaml:' err
}

@test "jobs that wait on each other are told by name" {
	cat >s.yaml <<-'SPEC'
		version: 1
		jobs:
		  egg: { language: bash, code: "true", needs: [hen] }
		  hen: { language: bash, code: "true", needs: [egg] }
	SPEC
	exits 3 sandbatch validate s.yaml
	grep 'egg' err
	grep 'hen' err
}

@test "each cell of a matrix is looked at where its filename differs" {
	spec 'matrix: { name: [fine.sh, no/folder.sh] }' "filename: '\${{ matrix.name }}'"
	exits 3 sandbatch validate s.yaml
	grep -F "a[name=no/folder.sh]: filename must be a plain name, not 'no/folder.sh'" err
}

@test "a var that the spec does not have is wrong usage" {
	spec 'ttl: 5'
	exits 2 sandbatch validate --var nope=1 s.yaml
	grep 'nope' err
}

@test "a spec that is not there is wrong usage" {
	exits 2 sandbatch validate nowhere.yaml
	grep 'nowhere.yaml' err
}

@test "a folder, a pipe or too large a file in a spec's place is wrong usage" {
	mkdir folder
	mkfifo pipe
	truncate -s 17M large.yaml
	for path in folder pipe large.yaml; do
		exits 2 timeout 10 sandbatch validate "$path"
		grep -q "^sandbatch: '$path' is " err
	done
}

@test "a pipe is no program, input or expected text: it would be read as empty" {
	mkfifo pipe
	spec 'stdin: { file: pipe }'
	exits 3 timeout 10 sandbatch validate s.yaml
	grep -F "s.yaml:6:20: cannot read 'pipe': it is neither a file nor a folder" err
}

@test "a program that is no text is a mistake at the line that names it" {
	printf 'a\0b' >a.out
	cat >s.yaml <<-'SPEC'
		version: 1
		jobs:
		  a: { language: bash, file: a.out }
		  b: { language: bash, code: "a\0b", ttl: 5 }
	SPEC
	exits 3 sandbatch validate s.yaml
	grep -F 's.yaml:3:30: the program in a.out must be UTF-8 without NUL' err
	grep -F 's.yaml:4:30: the program must be UTF-8 without NUL' err
}
