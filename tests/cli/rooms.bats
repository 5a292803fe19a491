#!/usr/bin/env -S bats --tap
# Who may include whom, and that the rules have teeth.
load common

setup_file() {
	make -s -C "$BATS_TEST_DIRNAME/../.." rooms >"$BATS_FILE_TMPDIR/rules"
}

rooms() {
	"$TOP/tests/rooms" "${1:-$TOP}" <"$BATS_FILE_TMPDIR/rules"
}

# plant FILE LINE... -- in a small tree, a file with these lines.
plant() {
	local file=$1
	mkdir -p "$(dirname "tree/$file")"
	shift
	printf '%s\n' "$@" >"tree/$file"
}

# told TEXT -- the rules refuse the small tree, saying so.
told() {
	exits 1 rooms tree
	grep -F "$1" out
}

@test "no file of ours includes what its room may not" {
	exits 0 rooms
}

@test "every folder with C in it is a room that the Makefile lists" {
	cd "$TOP"
	for file in engine/*/*.c service/*.c sandbox/*.c warm/*.c cmd/*.c; do
		room=${file%/*}
		grep -q "^${room##*/}:" "$BATS_FILE_TMPDIR/rules"
	done
}

@test "an include of a higher room is refused" {
	plant engine/plan/plan.c '#include "base/err.h"' '#include "run/run.h"'
	told "engine/plan/plan.c:2: plan may not include run/"
}

@test "an include of the room itself and of what it may see is not" {
	plant engine/plan/plan.c '#include "plan/plan.h"' '#include "base/yaml.h"' '#include "spec/spec.h"'
	exits 0 rooms tree
}

@test "a room that is not listed is refused" {
	plant engine/attic/attic.c '#include "base/err.h"'
	told "engine/attic/attic.c: room 'attic' is not listed in the Makefile"
}

@test "another room's inner header is refused" {
	plant engine/report/csv.c '#include "run/request.h"'
	told "only run/run.h is for other rooms, not run/request.h"
}

@test "the service sees of the sandbox what lies in jail/ alone" {
	plant service/exec_local.c '#include "jail/jail.h"' '#include "sandbox/cgroup.h"'
	told "service/exec_local.c:2: service may not include sandbox/"
}

@test "the sandbox includes nothing of the engine" {
	plant sandbox/main.c '#include "jail/jail.h"' '#include "base/err.h"'
	told "sandbox/main.c:2: sandbox may not include base/"
}

@test "an include that climbs or hides its room is refused" {
	plant engine/spec/spec.c '#include "../run/run.h"' '#include "spec.h"'
	told "engine/spec/spec.c:1: '../run/run.h' is not spelt from engine/ or the top"
	grep -F "engine/spec/spec.c:2:" out
}

@test "a test is held to the rules of the room it tests" {
	plant tests/unit/plan_build.c '#include "plan/plan.h"' '#include "api/api.h"'
	told "tests/unit/plan_build.c:2: plan may not include api/"
	plant tests/unit/plan_build.c '#include "tests/unit/base_corpus.h"' '#include "tests/unit/api_world.h"'
	told "tests/unit/plan_build.c:2: tests/ is no room"
	not grep plan_build.c:1 out
}

@test "a header of more than 15 functions is refused" {
	plant engine/base/many.h '#define X(a) a' '/* int f(void); */' 'typedef void fn(int);' \
		"$(for i in {1..15}; do echo "int f$i(int a, void (*g)(int));"; done)"
	exits 0 rooms tree
	echo 'static inline int last(int a) { if (a) { return 1; } return 0; }' >>tree/engine/base/many.h
	told "engine/base/many.h: 16 functions in a room's header, 15 at most"
}

@test "a sandbox too long to be read whole is refused" {
	plant sandbox/warden.h "$(yes '/* */' | head -n 999)"
	plant sandbox/main.c "$(yes '/* */' | head -n 1000)"
	exits 0 rooms tree
	echo '/* */' >>tree/sandbox/main.c
	told "sandbox/: 2000 lines, wanted fewer than 2000"
}
