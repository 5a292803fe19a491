# What the cases share. They run as root in a Debian 12 of their own (see ../run), where what they install may stay.
# shellcheck shell=bash disable=SC2034 # what is set here is used there
# shellcheck source=../../api/common.bash
source "${BASH_SOURCE[0]%/*}/../../api/common.bash"

UNIT_GROUP=/sys/fs/cgroup/system.slice/sandbatch.service

# job LANGUAGE CODE [MEMBERS] -- the result of a job in body; MEMBERS are more of the request, as JSON.
job() {
	jq -cn --arg language "$1" --arg code "$2" --argjson more "${3:-"{}"}" '{$language, $code} + $more' >request
	answers 200 POST /execute -m 120 -H 'Content-Type: application/json' --data-binary @request
}

# is CONDITION -- of that result, in jq's words.
is() {
	jq -e "$1" body >/dev/null || {
		cat body
		return 1
	}
}

FORK_BOMB='
#include <unistd.h>
int main(void) { for (;;) fork(); }
'
MEMORY_BOMB='
x = []
while True:
    x.append(b"x" * (1 << 20))
'
