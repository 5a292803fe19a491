#include "api/retry.h"

#include <stddef.h>

#define MAX_BACKOFF_MS    30000
#define MAX_RETRY_AFTER_S 120

static const CURLcode useless[] = {
	CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_PEER_FAILED_VERIFICATION,
	CURLE_SSL_CERTPROBLEM,      CURLE_SSL_CIPHER,    CURLE_SSL_CACERT_BADFILE,
	CURLE_SSL_ISSUER_ERROR,     CURLE_WRITE_ERROR, /* our own: past the largest answer */
	CURLE_FILESIZE_EXCEEDED,
};

static const CURLcode unreached[] = {
	CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
	CURLE_SSL_CONNECT_ERROR,    CURLE_SSL_CERTPROBLEM,       CURLE_PEER_FAILED_VERIFICATION,
	CURLE_SSL_CACERT_BADFILE,   CURLE_SSL_ISSUER_ERROR,
};

static bool is_among(const CURLcode *list, size_t n, CURLcode code)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == code)
			return true;
	return false;
}

bool retry_is_useless(CURLcode code)
{
	return is_among(useless, sizeof(useless) / sizeof(useless[0]), code);
}

bool retry_is_unreached(CURLcode code)
{
	return is_among(unreached, sizeof(unreached) / sizeof(unreached[0]), code);
}

bool retry_is_later(long status)
{
	return status == 429 || status >= 500;
}

int64_t retry_wait_ms(int tries, int64_t backoff_ms, int64_t retry_after_s, uint64_t chance)
{
	int64_t whole = backoff_ms, asked, wait;

	for (int i = 1; i < tries && whole < MAX_BACKOFF_MS; i++)
		whole *= 2;
	if (whole > MAX_BACKOFF_MS)
		whole = MAX_BACKOFF_MS;
	wait = whole - (int64_t)(chance % ((uint64_t)whole / 2 + 1));
	if (retry_after_s <= 0)
		return wait;
	if (retry_after_s > MAX_RETRY_AFTER_S)
		retry_after_s = MAX_RETRY_AFTER_S;
	asked = retry_after_s * 1000 + (int64_t)(chance % ((uint64_t)backoff_ms + 1));
	return asked > wait ? asked : wait;
}
