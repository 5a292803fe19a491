# What the scripts of this folder share: a service of their own, and its table of languages.
# shellcheck shell=bash
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$TOP/build}" && pwd)
export LC_ALL=C.UTF-8
WORK=$(mktemp -d /tmp/languages.XXXXXX)

finish() {
	[ -z "${SERVICE:-}" ] || kill "$SERVICE" 2>/dev/null || true
	[ -z "${SERVICE:-}" ] || wait "$SERVICE" 2>/dev/null || true
	rm -rf "$WORK"
}
trap finish EXIT

# serve -- start a service with one slot; call PATH [CURL OPTION...] asks it.
serve() {
	: >"$WORK/out"
	"$BUILD/sandbatch" serve --listen "unix:$WORK/s" --data "$WORK/data" --slots 1 >"$WORK/out" 2>"$WORK/err" &
	SERVICE=$!
	until grep -q '^listening on ' "$WORK/out"; do
		kill -0 "$SERVICE" 2>/dev/null || {
			cat "$WORK/err" >&2
			exit 1
		}
		sleep 0.05
	done
}

call() {
	curl -s -m 200 --unix-socket "$WORK/s" "http://localhost$1" "${@:2}"
}

# The languages of LANGS: all, core, or names, a line each.
wanted() {
	case ${LANGS:-all} in
	all) call /languages | jq -r '.details[].name' ;;
	core) printf '%s\n' bash sh python javascript perl ruby php lua awk tcl c cpp jq sqlite ;;
	*) tr -s ', ' '\n' <<<"$LANGS" ;;
	esac
}
