#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define LINE_MAX_BYTES 2048

/* What a stranger sent may stand in the sentence: it must not look like a line of ours. */
static void make_harmless(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* One write(2) a line, so that lines of several processes do not mix. */
__attribute__((format(printf, 2, 0))) static void log_line(const char *level, const char *fmt,
							   va_list ap)
{
	char stamp[21], sentence[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 64];
	int n;

	clock_iso(clock_unix_ms() / 1000, stamp);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	make_harmless(sentence);
	n = snprintf(line, sizeof(line), "%s %s %s\n", stamp, level, sentence);
	if (n > 0)
		fs_write_all(STDERR_FILENO, line, (size_t)n);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line("info", fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line("warn", fmt, ap);
	va_end(ap);
}
