#!/usr/bin/env -S bats --tap
# What passed with the same inputs is not run again, and what is not the same is.
load common

# Prints something else each time it runs.
spec() {
	cat >spec.yaml <<-EOF2
		version: 1
		vars: { text: a, rest: "" }
		jobs:
		  cell:
		    language: bash
		    code: |
		      echo \$RANDOM\$RANDOM
		      echo bin >a.bin
		    artifacts: ["*.bin"]
		    stdin: "\${{ vars.text }}"
		    $1
	EOF2
}

# run_it [OPTION...] -- run it, and tell what it printed
run_it() {
	exits 0 sandbatch run "$@" spec.yaml
	printed=$(cat .sandbatch/runs/latest/jobs/cell/stdout)
}

@test "a cell that passed is taken from the cache, with its output and artifacts" {
	spec 'env: { A: "1" }'
	run_it
	first=$printed
	archive=$(sha256sum <.sandbatch/runs/latest/artifacts.tar.zst)
	run_it
	test "$printed" = "$first"
	test "$(sha256sum <.sandbatch/runs/latest/artifacts.tar.zst)" = "$archive"
	grep '^passed .*  cell  taken from the cache$' err
	jq -e '.cells[0].attempts == 0 and .cells[0].verdict == "passed" and .cells[0].artifacts == 1' \
		.sandbatch/runs/latest/summary.json
	exits 0 sandbatch cache explain cell
	grep '^cell of spec.yaml, at .*: taken from the cache$' out
	exits 0 sandbatch cache stats
	grep '^1 results in .* 1 looked up and found, 1 not$' out
}

@test "the input that changed is named" {
	spec 'env: { A: "1" }'
	run_it
	first=$printed
	run_it --var text=b
	test "$printed" != "$first"
	exits 0 sandbatch cache explain cell
	grep 'not taken: its inputs differ' out
	test "$(grep -c '^  [a-z]* changed: ' out)" -eq 1
	grep '^  stdin changed: sha256:.* -> sha256:' out
	grep 'a pass with these inputs is stored now' out
	exits 0 sandbatch cache explain --json cell
	jq -e '.[0].answer == "changed" and .[0].changes[0].input == "stdin"' out
	run_it # as at first: still there
	test "$printed" = "$first"
	spec 'env: { A: "2" }'
	run_it
	test "$printed" != "$first"
	exits 0 sandbatch cache explain cell
	grep '^  env A changed: ' out
}

@test "--no-cache, cache: false, repeat and a cleared cache run it again" {
	spec 'ttl: 20'
	run_it
	first=$printed
	run_it --no-cache
	test "$printed" != "$first"
	exits 0 sandbatch cache clear
	run_it
	test "$printed" != "$first"
	for what in 'cache: false' 'repeat: 2'; do
		spec "$what"
		run_it
		first=$printed
		run_it
		test "$printed" != "$first"
	done
}

@test "what did not pass is not stored, and what passed is run again when it would not pass now" {
	spec 'expect: { stdout: { matches: "^[0-9]+$" } }'
	run_it
	first=$printed
	spec 'expect: { stdout: { contains: x } }'
	exits 1 sandbatch run spec.yaml
	test "$(cat .sandbatch/runs/latest/jobs/cell/stdout)" != "$first"
	jq -e '.cells[0].attempts == 1' .sandbatch/runs/latest/summary.json
	spec 'ttl: 21'
	sed -i 's/echo bin/exit 3/' spec.yaml
	exits 1 sandbatch run spec.yaml
	exits 1 sandbatch run spec.yaml
	jq -e '.cells[0].attempts == 1' .sandbatch/runs/latest/summary.json
}

@test "a damaged cache is no more than an empty one" {
	spec 'ttl: 20'
	run_it
	first=$printed
	for f in .sandbatch/cache/*.log; do
		dd if=/dev/urandom of="$f" bs=1 seek=300 count=400 conv=notrunc status=none
	done
	run_it
	test "$printed" != "$first"
	rm -r .sandbatch/cache
	echo file >.sandbatch/cache
	run_it
}

@test "--sign leaves a signature that ssh-keygen verifies" {
	spec 'ttl: 20'
	ssh-keygen -q -t ed25519 -N '' -f key
	run_it --sign key
	echo "me $(cat key.pub)" >allowed
	cd .sandbatch/runs/latest
	ssh-keygen -Y verify -n sandbatch -f "$BATS_TEST_TMPDIR/allowed" -I me -s provenance.json.sig <provenance.json
	cd "$BATS_TEST_TMPDIR"
	exits 5 sandbatch run --sign spec.yaml spec.yaml
	grep 'ssh-keygen could not sign: ' err
}
