/* The switches with which distributions turn user namespaces off. */
#include <fcntl.h>
#include <unistd.h>

#include "service/service.h"

static const struct {
	const char *path;
	char off;
	const char *remedy;
} switches[] = {
	{ "/proc/sys/kernel/unprivileged_userns_clone", '0',
	  "sysctl -w kernel.unprivileged_userns_clone=1" },
	{ "/proc/sys/user/max_user_namespaces", '0', "sysctl -w user.max_user_namespaces=10000" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
	  "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" },
};

/* The first character of a file; NUL if there is none. */
static char first_of(const char *path)
{
	char c = '\0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return '\0';
	if (read(fd, &c, 1) != 1)
		c = '\0';
	close(fd);
	return c;
}

const char *service_userns_remedy(void)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (first_of(switches[i].path) == switches[i].off)
			return switches[i].remedy;
	return NULL;
}
