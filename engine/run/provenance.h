/*
 * provenance -- where a run's artifacts come from, for those who check before they use them.
 *
 * provenance.json is an in-toto Statement v1 (https://in-toto.io/Statement/v1) with a SLSA
 * Provenance v1 predicate (https://slsa.dev/spec/v1.0/provenance):
 *
 *   subject                artifacts.tar.zst and each artifact in it, by SHA-256
 *   externalParameters     the spec's path and digest, its vars
 *   internalParameters     the endpoint, how it ran them, how many cells
 *   resolvedDependencies   the specs, every file of theirs that a cell named, by SHA-256 as they
 *                          are when the run ends; toolchains with their versions as pkg:generic/
 *   runDetails             this program and its version, the run's id, when it began and ended
 */
#ifndef ENGINE_RUN_PROVENANCE_H
#define ENGINE_RUN_PROVENANCE_H

#include "keep/keep.h"
#include "run/request.h"

/* Write provenance.json beside the archive; sums is its SHA256SUMS. */
bool provenance_write(struct keep *k, struct sources *s, const struct summary *sum,
		      const struct buf *sums, struct err *e);
/*
 * Sign <run_folder>/provenance.json with the private key at key, or the agent's for a public one:
 * provenance.json.sig, by `ssh-keygen -Y sign -n sandbatch`. To be checked by
 * `ssh-keygen -Y verify -n sandbatch -f ALLOWED -I WHO -s provenance.json.sig <provenance.json`.
 */
bool provenance_sign(const char *run_folder, const char *key, struct err *e);

#endif
