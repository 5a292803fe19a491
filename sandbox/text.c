/* Sentences for humans, and files that are read and written whole. */
#include <stdarg.h>

#include "sandbox/warden.h"

bool fail(struct why *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	return false;
}

const char *text_read(int dir, const char *path, char *out, size_t size)
{
	size_t len = 0;
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	for (ssize_t n = fd; n > 0; len += n > 0 ? (size_t)n : 0)
		n = read(fd, out + len, size - 1 - len);
	if (fd >= 0)
		close(fd);
	out[len] = '\0';
	return out;
}

bool text_write(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd); /* leaves errno alone */
	return is_written;
}
