/* A wall clock that goes from where it is set: loaded before the C library, it lets a test stand at another time.
 * CLOCK_AT is the time in seconds since 1970; other clocks go on as they are. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long started_at(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return now.tv_sec;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    static long start;
    const char *set = getenv("CLOCK_AT");
    int status = (int)syscall(SYS_clock_gettime, id, out);
    if (status == 0 && id == CLOCK_REALTIME && set != NULL) {
        if (start == 0)
            start = started_at();
        out->tv_sec += atol(set) - start;
    }
    return status;
}
