/* Output without end, on both streams. */
#include <string.h>
#include <unistd.h>

int main(void)
{
	static char page[65536];
	memset(page, 'x', sizeof(page));
	for (int fd = 1;; fd = 3 - fd)
		if (write(fd, page, sizeof(page)) < 0)
			return 1;
}
