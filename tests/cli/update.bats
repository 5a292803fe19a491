#!/usr/bin/env -S bats --tap
# --update: what is printed becomes what is expected.
load common

spec() {
	{
		printf '%s\n' 'version: 1' 'name: s' 'jobs:'
		printf '  %s\n' "$@"
	} >s.yaml
}

@test "--update writes what is printed where a check does not hold, and the cell then passes" {
	mkdir want
	echo old >want/1
	echo 'b  b' >want/2
	# shellcheck disable=SC2016
	spec 'a: { language: bash, code: "echo a ${{ matrix.n }}", matrix: { n: [1, 3] }, expect: { stdout: { equals_file: "want/${{ matrix.n }}" } } }' \
		'b: { language: bash, code: "echo b b", expect: { stdout: { tokens_file: want/2 } } }'
	exits 3 sandbatch run s.yaml
	exits 0 sandbatch run s.yaml --update
	test "$(cat want/1 want/3)" = $'a 1\na 3'
	test "$(cat want/2)" = 'b  b'
	printf 'update  want/%d  from a[n=%d]\n' 1 1 3 3 | diff - <(grep ^update err | sort)
	exits 0 sandbatch run s.yaml --update
	not grep ^update err
	exits 0 sandbatch run s.yaml
	find want -name '*.*' | diff - /dev/null
}

@test "--update of a cell that runs past its ttl is marked, and it is a timeout still" {
	spec 'a: { language: bash, code: "echo so far; sleep 60", ttl: 1, expect: { stdout: { equals_file: want } } }'
	exits 1 sandbatch run s.yaml --update
	test "$(cat want)" = 'so far'
	grep 'update  want  from a: it ran past its ttl' err
}

@test "--update does not write a file twice with different bytes, nor outside the folder" {
	# shellcheck disable=SC2016
	spec 'a: { language: bash, code: "echo ${{ matrix.n }}", matrix: { n: [1, 2] }, expect: { stdout: { equals_file: want } } }'
	exits 1 sandbatch run s.yaml --update -j 1
	grep 'update  want  from a\[n=2\]: not written again: a\[n=1\] printed something else' err
	test "$(cat want)" = 1
	mkdir in
	sed 's|want|../above|; s|, 2||' s.yaml >in/s.yaml
	exits 3 sandbatch run in/s.yaml --update
	exits 4 sandbatch run in/s.yaml --update --allow-outside
	test ! -e above
	ln -s ../elsewhere in/link
	mkdir elsewhere
	sed -i 's|\.\./above|link/above|' in/s.yaml
	exits 4 sandbatch run in/s.yaml --update
	test -z "$(ls elsewhere)"
}
