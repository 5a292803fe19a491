#include "service/auth.h"

#include <string.h>
#include <strings.h>

#include "base/yaml.h"

enum { TEXT_MAX = 2 * WIRE_BODY_MAX };

/* The key behind "Bearer "; *key is NULL without the header. */
static bool get_bearer(const struct auth_claim *c, const char **key, struct err *e)
{
	static const char scheme[] = "Bearer ";

	*key = NULL;
	if (!c->authorization) {
		if (c->signature || c->timestamp)
			return err_set(e, ERR_UNAUTHORIZED,
				       "a signed request needs 'Authorization: Bearer PUBLIC_KEY'");
		return true;
	}
	/* The name of a scheme is matched without regard to case (RFC 9110, 11.1). */
	if (strncasecmp(c->authorization, scheme, strlen(scheme)) != 0)
		return err_set(e, ERR_UNAUTHORIZED, "Authorization must be 'Bearer KEY'");
	*key = c->authorization + strlen(scheme);
	*key += strspn(*key, " ");
	if (!**key)
		return err_set(e, ERR_UNAUTHORIZED, "Authorization has no key behind 'Bearer'");
	return true;
}

static bool check_time(const struct auth_claim *c, int64_t now_s, struct err *e)
{
	int64_t at_s = 0, off_s;

	if (!c->timestamp || !c->signature)
		return err_set(e, ERR_UNAUTHORIZED,
			       "this key is a public one: its requests need X-Timestamp and "
			       "X-Signature");
	if (strlen(c->timestamp) > 15 || !parse_int(c->timestamp, strlen(c->timestamp), &at_s))
		return err_set(e, ERR_UNAUTHORIZED, "X-Timestamp must be Unix seconds, not '%.40s'",
			       c->timestamp);
	off_s = at_s > now_s ? at_s - now_s : now_s - at_s;
	return off_s <= AUTH_SKEW_S ||
	       err_set(e, ERR_UNAUTHORIZED,
		       "X-Timestamp is %lld s off the time here, and at most %d are taken",
		       (long long)off_s, AUTH_SKEW_S);
}

static const struct key *find_key(const struct keys *keys, const struct auth_claim *c,
				  const char *given, int64_t now_s, struct err *e)
{
	const struct key *k = keys_of_public(keys, given);

	if (k)
		return check_time(c, now_s, e) ? k : NULL;
	k = keys_of_secret(keys, given);
	if (!k)
		err_set(e, ERR_UNAUTHORIZED, "the key is not known here");
	return k;
}

bool auth_check(const struct keys *keys, const struct auth_claim *c, int64_t now_s,
		char tenant[DIGEST_HEX], struct err *e)
{
	const char *given;
	const struct key *k;

	tenant[0] = '\0';
	if (!get_bearer(c, &given, e))
		return false;
	if (!keys) {
		if (given)
			digest_sha256(given, strlen(given), tenant);
		return true;
	}
	if (!given)
		return err_set(e, ERR_UNAUTHORIZED,
			       "a key is needed here: 'Authorization: Bearer KEY'");
	k = find_key(keys, c, given, now_s, e);
	if (k)
		memcpy(tenant, k->tenant, sizeof(k->tenant));
	return k != NULL;
}

bool auth_verify(const struct keys *keys, const char *tenant, const struct auth_claim *c,
		 const struct auth_request *r, struct err *e)
{
	const struct key *k = keys_of_tenant(keys, tenant);
	CLEAN_BUF struct buf text = BUF((size_t)TEXT_MAX);
	char hex[DIGEST_HEX];

	if (!keys)
		return true;
	if (!k)
		return err_set(e, ERR_UNAUTHORIZED, "the key is not known here any more");
	if (!k->secret)
		return true;
	if (!c->timestamp || !c->signature)
		return err_set(e, ERR_UNAUTHORIZED, "X-Timestamp and X-Signature are missing");
	if (!buf_printf(&text, "%s:%s:%s:", c->timestamp, r->verb, r->target) ||
	    !buf_add(&text, r->body.data, r->body.len))
		return err_set(e, ERR_TOO_LARGE, "the request is too large to be signed");
	digest_hmac(k->secret, strlen(k->secret), buf_text(&text), text.len, hex);
	return digest_same(hex, strlen(hex), c->signature, strlen(c->signature)) ||
	       err_set(e, ERR_UNAUTHORIZED,
		       "X-Signature is not the HMAC-SHA256 of timestamp:METHOD:path:body by the "
		       "secret key, in lower-case hex");
}
