/* A child that was forked from a process with a database open. */

#define _POSIX_C_SOURCE 200809L

#include "arrow.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_child(tillroll_db *db, struct ArrowArrayStream *stream, const char *path) {
    tillroll_error *err = NULL;
    struct ArrowArray batch;
    uint64_t count = 0;

    CHECK_FAILS(tillroll_sales_count(db, &count, &err), TILLROLL_CLOSED);
    CHECK_HAS(tillroll_error_message(err), "forked");
    CHECK_FAILS(tillroll_record_get(db, "brands", "1", NULL, &err), TILLROLL_CLOSED);
    CHECK_FAILS(tillroll_compact(db, &err), TILLROLL_CLOSED);
    CHECK(stream->get_next(stream, &batch) != 0);
    CHECK_HAS(stream->get_last_error(stream), "forked");
    stream->release(stream);
    tillroll_close(db);
    check_free(&err);
    CHECK(tillroll_open(path, NULL, &err) == NULL);
    CHECK_CODE(TILLROLL_CLOSED);
    check_free(&err);
}

int main(int argc, char **argv) {
    tillroll_error *err = NULL;
    tillroll_db *db = NULL;
    struct ArrowArrayStream stream;
    char *path = NULL;
    char *json = NULL;
    pid_t child = 0;
    int status = 0;

    CHECK_INT(argc, 2);
    path = path_in(argv[1], "shop.till");
    db = tillroll_open(path, NULL, &err);
    CHECK_OK(tillroll_error_code(err));
    CHECK_OK(tillroll_sales_scan(db, NULL, &stream, &err));
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(30);
        in_child(db, &stream, path);
        /* What it has copied and may not free goes with the program; a checker of leaks need not see it. */
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);

    /* The parent has all that it had. */
    CHECK_OK(tillroll_record_create(db, "brands", "{\"name\":\"Acme\"}", &json, &err));
    tillroll_string_free(json);
    stream.release(&stream);
    tillroll_close(db);
    free(path);
    return 0;
}
