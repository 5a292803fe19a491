# hosted -- one of our services behind a door that keeps to part 1 of the contract; URL is the door's. What stands in
# the file mode goes wrong there (see hosted.py).
# shellcheck shell=bash
hosted() {
	command -v python3 >/dev/null || skip "no python3 to play the service"
	serve_start "$@"
	python3 "$TOP/tests/cli/hosted.py" "$URL" mode >door.out 2>door.err 3>&- &
	SERVICES+=($!)
	eventually grep -q '^listening on ' door.out
	URL=$(sed -n 's/^listening on //p' door.out)
}
