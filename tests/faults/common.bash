# shellcheck shell=bash
# shellcheck source=../cli/common.bash
source "${BASH_SOURCE[0]%/*}/../cli/common.bash"
