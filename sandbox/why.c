#include <errno.h>
#include <stdarg.h>

#include "sandbox/warden.h"

bool why_set(struct why *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	return false;
}

bool why_sys(struct why *w, const char *fmt, ...)
{
	const char *reason = strerrordesc_np(errno);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(w->text))
		snprintf(w->text + n, sizeof(w->text) - (size_t)n, ": %s",
			 reason ? reason : "unknown error");
	return false;
}
