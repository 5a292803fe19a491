# What the API tests share: a service with scripted results, and curl.
# shellcheck shell=bash
# shellcheck source=../cli/common.bash
source "${BASH_SOURCE[0]%/*}/../cli/common.bash"

SCRIPT=$FIXTURES/service/script.json

# fake_start [OPTION...] -- a service that runs nothing (see fixtures/service/script.json).
fake_start() {
	serve_start --executor fake --script "$SCRIPT" "$@"
}

# call METHOD PATH [CURL OPTION...] -- the body in body, the headers in head, the status printed. All that was answered
# is kept until the file's end.
call() {
	local kept=$BATS_FILE_TMPDIR/answers told
	local answer=$kept/$BATS_TEST_NUMBER.$BASHPID.$EPOCHREALTIME
	[ -d "$kept" ] || mkdir -p "$kept"
	: >"$answer"
	told=$(curl -s -m 20 -X "$1" -D head -o "$answer" -w '%{http_code}\t%header{sandbatch-version}\t%{content_type}' \
		"${@:3}" "$URL$2") || return
	ln -f "$answer" body
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$told" "$answer" >>"$kept/list"
	printf '%s' "${told%%$'\t'*}"
}

# Every answer that a file's tests were given is what /openapi.json says.
teardown_file() {
	[ -s "$BATS_FILE_TMPDIR/answers/list" ] || return 0
	cd "$BATS_FILE_TMPDIR" || return 1
	serve_start --executor fake --script "$SCRIPT"
	curl -s -m 20 -o openapi.json "$URL/openapi.json"
	serve_stop
	"$TOP/tests/api/described" openapi.json answers/list
}

# answers STATUS METHOD PATH [CURL OPTION...] -- just that status.
answers() {
	local got
	got=$(call "${@:2}") || true
	[ "$got" = "$1" ] || {
		echo "status $got, wanted $1: ${*:2}"
		cat body
		return 1
	}
	tr -d '\r' <./head >head.text
}

# says TEXT -- the body is just that.
says() {
	printf '%s' "$1" | diff -u - body
}

# has_header LINE -- without regard to the case of its name.
has_header() {
	grep -qixF "$1" head.text || {
		cat head.text
		return 1
	}
}

# refuses STATUS CODE SENTENCE METHOD PATH [CURL OPTION...]
refuses() {
	answers "$1" "${@:4}"
	says "{\"success\":false,\"error\":\"$3\",\"code\":\"$2\"}"
	has_header 'Content-Type: application/json'
	has_header 'Sandbatch-Version: 1'
}

# json CODE -- curl's options for a request that holds this code.
json() {
	JSON=(-H 'Content-Type: application/json' -d "{\"language\":\"bash\",\"code\":\"$1\"}")
}

# submit CODE [CURL OPTION...] -- its id in ID.
submit() {
	json "$1"
	answers 200 POST /execute/async "${JSON[@]}" "${@:2}"
	ID=$(jq -r .job_id body)
}

# status_is STATUS [CURL OPTION...] -- of job ID.
status_is() {
	answers 200 GET "/jobs/$ID" "${@:2}"
	[ "$(jq -r .status body)" = "$1" ]
}

# The service dies without a word.
serve_crash() {
	kill -KILL "${SERVICES[-1]}"
	wait "${SERVICES[-1]}" || true
	unset 'SERVICES[-1]'
}

# ms -- the time.
ms() {
	date +%s%3N
}

# perl_socket CODE -- perl with $s, a socket to the service, and dial() for more; dial_unix() for some at ./socket.
perl_socket() {
	perl -MSocket -MIO::Handle -e '
		my ($host, $port) = $ENV{URL} =~ m{^http://(.*):(.*)};
		my $there = sockaddr_in($port, inet_aton($host));
		sub to { my $s; socket($s, $_[0], SOCK_STREAM, 0) && connect($s, $_[1]) or return; $s->autoflush; $s }
		sub dial { to(PF_INET, $there) }
		sub dial_unix { to(PF_UNIX, pack_sockaddr_un("socket")) }
		my $s = dial() or die "dial: $!"; $| = 1; '"$1"
}
