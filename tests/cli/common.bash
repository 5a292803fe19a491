# What the bats files share: where things are, a folder of its own for each test, services that end with it.
# shellcheck shell=bash
bats_require_minimum_version 1.5.0
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$TOP/build}" && pwd)
export FIXTURES=$TOP/fixtures
SANDBATCH=$BUILD/sandbatch
PATH=$BUILD:$PATH
export NO_COLOR=1 LC_ALL=C
unset UNSANDBOX_API_KEY UNSANDBOX_PUBLIC_KEY UNSANDBOX_SECRET_KEY

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
	serve_stop
	rm -rf "${HOME_OF_NOBODY:-}"
}

# as_nobody COMMAND... -- as an ordinary user, in a folder of that user's own, with copies of our programs and of
# what lies here. Only root can; an ordinary user is one already.
as_nobody() {
	local got=0
	HOME_OF_NOBODY=$(mktemp -d /tmp/nobody.XXXXXX)
	mkdir "$HOME_OF_NOBODY/bin"
	cp -R "$BUILD/sandbatch" "$BUILD/sandbatch-jail" "$BUILD/sandbatch-attacks" "$BUILD/etc" "$HOME_OF_NOBODY/bin"
	cp -R . "$HOME_OF_NOBODY/here"
	chmod 755 "$HOME_OF_NOBODY"
	chown -R nobody "$HOME_OF_NOBODY"
	(cd "$HOME_OF_NOBODY/here" && PATH=$HOME_OF_NOBODY/bin:$PATH exec setpriv --reuid nobody --regid nogroup \
		--clear-groups env HOME="$HOME_OF_NOBODY" "$@") || got=$?
	cp -R "$HOME_OF_NOBODY/here/." .
	rm -rf "$HOME_OF_NOBODY"
	return $got
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

# A copy of what the specs need, so that tests that run at once have folders of their own.
project() {
	cp -R "$TOP/specs" "$TOP/fixtures" .
}

# exits CODE COMMAND... -- it ends with just that status; its output is in out and err.
exits() {
	local want=$1 got=0
	shift
	"$@" >out 2>err || got=$?
	if [ "$got" -ne "$want" ]; then
		echo "exit $got, wanted $want: $*"
		echo "--- stdout"
		tail -n 50 out
		echo "--- stderr"
		tail -n 50 err
		return 1
	fi
}

# same FILE GOLDEN -- equal, byte for byte; `make golden` takes FILE as the new golden one.
same() {
	if [ -n "${UPDATE_GOLDEN:-}" ]; then
		cp "$1" "$2"
	else
		diff -u "$2" "$1"
	fi
}

# eventually COMMAND... -- it succeeds within ten seconds.
eventually() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	echo "never came true: $*"
	return 1
}

# serve_start [OPTION...] -- start a service with data of its own; URL is what it says it listens on.
serve_start() {
	local log=serve.$((${#SERVICES[@]} + 1)) listen=(--listen 127.0.0.1:0)
	case " $* " in *' --listen '*) listen=() ;; esac
	: >"$log.out" # now, not when the child comes to it: it may be the log of one that crashed
	"$SANDBATCH" serve "${listen[@]}" --data "$PWD/$log.data" "$@" >"$log.out" 2>"$log.err" 3>&- &
	SERVICES+=($!)
	eventually grep -q '^listening on ' "$log.out" || {
		cat "$log.err"
		return 1
	}
	export URL
	URL=$(sed -n 's/^listening on //p' "$log.out" | head -n 1)
}

SERVICES=()
serve_stop() {
	local pid
	for pid in "${SERVICES[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	SERVICES=()
}

# verdicts FOLDER -- "cell verdict" of each row of a run, in the plan's order.
verdicts() {
	jq -r '.cells[] | "\(.cell) \(.verdict)"' "$1/summary.json"
}

# Processes below PID, however deep, and itself.
family() {
	local child
	echo "$1"
	for child in $(ps -o pid= --ppid "$1"); do
		family "$child"
	done
}

is_dead() {
	! kill -0 "$1" 2>/dev/null || [ "$(ps -o stat= -p "$1" | cut -c1)" = Z ]
}

all_dead() {
	local pid
	for pid; do
		is_dead "$pid" || return 1
	done
}

# Whether a process anywhere on this host, in a sandbox too, has that pattern in its command line.
started() {
	pgrep -f -- "$1" >/dev/null
}

not() {
	! "$@"
}
