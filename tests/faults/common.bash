# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/../cli/common.bash"
