#include "service/auth.h"

#include <string.h>
#include <strings.h>

bool auth_check(const struct auth_claim *c, char tenant[DIGEST_HEX], struct err *e)
{
	static const char scheme[] = "Bearer ";
	const char *key;

	tenant[0] = '\0';
	if (!c->authorization) {
		if (c->signature || c->timestamp)
			return err_set(e, ERR_UNAUTHORIZED,
				       "a signed request needs 'Authorization: Bearer PUBLIC_KEY'");
		return true;
	}
	/* The name of a scheme is matched without regard to case (RFC 9110, 11.1). */
	if (strncasecmp(c->authorization, scheme, strlen(scheme)) != 0)
		return err_set(e, ERR_UNAUTHORIZED, "Authorization must be 'Bearer KEY'");
	key = c->authorization + strlen(scheme);
	key += strspn(key, " ");
	if (!*key)
		return err_set(e, ERR_UNAUTHORIZED, "Authorization has no key behind 'Bearer'");
	digest_sha256(key, strlen(key), tenant);
	return true;
}
