#!/usr/bin/env -S bats --tap
# Custom checkers and what other jobs printed, with real sandboxes.
load common

spec() {
	{
		printf '%s\n' 'version: 1' 'name: s' 'jobs:'
		printf '  %s\n' "$@"
	} >s.yaml
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	# Accepts any even number not above the input's, and gives a part of the points for small ones.
	cat >check.py <<-'PYTHON'
		import sys
		given, answer, output = (open(name).read() for name in sys.argv[1:4])
		n = int(output)
		if n > 10 * int(given):
		    print("wanted at most", 10 * int(given))
		    sys.exit(43)
		open("score.txt", "w").write("0.5" if n < int(given) else "1")
		sys.exit(42 if n % 2 == 0 else 43)
	PYTHON
}

@test "a checker accepts, rejects and gives a part of the points" {
	# shellcheck disable=SC2016
	spec 'a:' '  language: bash' '  stdin: "4"' '  code: "echo ${{ matrix.n }}"' '  points: 10' '  partial: true' \
		'  matrix: { n: [2, 6, 7, 100] }' '  expect: { stdout: { checker: { file: check.py } } }'
	exits 1 sandbatch run s.yaml
	jq -r '.cells[] | "\(.cell) \(.verdict) \(.points)"' .sandbatch/runs/latest/summary.json >rows
	cat rows
	grep -x 'a\[n=2\] passed 5' rows
	grep -x 'a\[n=6\] passed 10' rows
	grep 'a\[n=7\] failed' rows
	grep -x 'a\[n=100\] failed 0' rows
	grep 'wanted at most 40' out
}

@test "the answer is in the checker's sandbox, and in no other" {
	echo secret >answer.txt
	cat >look.sh <<-'SH'
		grep -q secret answer && exit 42
		exit 43
	SH
	spec 'a:' '  language: bash' '  code: "ls -a >&2; echo secret"' \
		'  expect: { stdout: [ { tokens_file: answer.txt }, { checker: { file: look.sh } } ] }'
	exits 0 sandbatch run s.yaml
	not grep -E '^(answer|input|output|answer.txt)$' .sandbatch/runs/latest/jobs/a/stderr
	test -s .sandbatch/runs/latest/jobs/a/stderr
}

@test "a checker that is not there, or that crashes, is not the program's failure" {
	spec 'a: { language: bash, code: "true", expect: { stdout: { checker: { file: nowhere.py } } } }'
	exits 3 sandbatch run s.yaml
	grep nowhere.py err
	echo 'raise SystemExit(1)' >ill.py
	sed -i 's/nowhere/ill/' s.yaml
	exits 4 sandbatch run s.yaml
	verdicts .sandbatch/runs/latest | grep -x 'a error'
}

@test "same_as compares with what another job printed, cell by cell" {
	# shellcheck disable=SC2016
	spec 'one: { language: bash, code: "echo $((${{ matrix.n }} * 2))", matrix: { n: [1, 2] } }' \
		'two: { language: python, code: "print(${{ matrix.n }} + 1)", matrix: { n: [1, 2] }, expect: { stdout: { same_as: one } } }'
	exits 1 sandbatch run s.yaml
	verdicts .sandbatch/runs/latest | diff - <(printf '%s\n' 'one[n=1] passed' 'one[n=2] passed' 'two[n=1] passed' 'two[n=2] failed')
}

@test "a text says what a needed job printed" {
	# shellcheck disable=SC2016
	spec 'a: { language: bash, code: "echo 41" }' \
		'b: { language: bash, needs: [a], code: "echo $((${{ needs.a.stdout }} + 1)) ${{ needs.a.verdict }}", expect: { stdout: "42 passed" } }'
	exits 0 sandbatch run s.yaml
}

@test "a checker is given the answer file that it names" {
	echo 42 >truth
	cat >same.py <<-'PYTHON'
		import sys
		sys.exit(42 if open(sys.argv[2]).read() == open(sys.argv[3]).read() else 43)
	PYTHON
	# shellcheck disable=SC2016
	spec 'a:' '  language: bash' '  code: "echo ${{ matrix.n }}"' '  matrix: { n: [42, 43] }' \
		'  expect: { stdout: { checker: { file: same.py, answer: truth } } }'
	exits 1 sandbatch run s.yaml
	verdicts .sandbatch/runs/latest | sort >rows
	diff rows - <<-'ROWS'
		a[n=42] passed
		a[n=43] failed
	ROWS
	sed 's/answer: truth/answer: gone/' s.yaml >t.yaml
	exits 3 sandbatch run t.yaml
	grep "t.yaml:.*gone" err
}
