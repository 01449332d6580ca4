/* Imports: what they tell, and the three ways to stop one. */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>

#include "check.h"

static tillroll_db *shop;

struct seen {
    int calls;
    int32_t answer;
    tillroll_progress last;
};

static int32_t watch(const tillroll_progress *progress, void *user_data) {
    struct seen *seen = (struct seen *)user_data;
    seen->calls++;
    seen->last = *progress;
    CHECK(progress->bytes_done <= progress->bytes_total);
    CHECK(progress->files_done <= progress->files_total);
    return seen->answer;
}

static void imports(const char **paths) {
    tillroll_error *err = NULL;
    tillroll_import_options options = TILLROLL_IMPORT_OPTIONS_INIT;
    tillroll_import_summary done;
    struct seen seen;
    int i;

    memset(&seen, 0, sizeof seen);
    memset(&done, 0xff, sizeof done);
    options.kind = "amazon-sales";
    options.period = "2018-03";
    options.threads = 2;
    CHECK_OK(tillroll_sales_import(shop, paths, 1, 1, &options, watch, &seen, &done, &err));
    CHECK_INT(done.files, 1);
    CHECK_INT(done.rows, 4);
    CHECK_INT(done.rejected, 1);
    CHECK_INT(done.unchanged, 0);
    CHECK_INT(done.replaced, 0);
    CHECK(done.seconds > 0 && done.seconds < 600);
    for (i = 0; i < 8; i++) {
        CHECK_INT(done.reserved[i], 0);
    }
    CHECK(seen.calls > 0);
    CHECK_INT(seen.last.files_done, 1);
    CHECK_INT(seen.last.files_total, 1);
    CHECK_INT(seen.last.bytes_total, strlen(REPORT));
    CHECK_INT(seen.last.bytes_done, strlen(REPORT));

    CHECK_OK(tillroll_sales_import(shop, paths, 1, 1, &options, NULL, NULL, &done, &err));
    CHECK_INT(done.unchanged, 1);
    CHECK_INT(done.rows, 0);
    options.force = 1;
    CHECK_OK(tillroll_sales_import(shop, paths, 1, 1, &options, NULL, NULL, &done, &err));
    CHECK_INT(done.replaced, 1);
    CHECK_INT(done.rows, 4);
    CHECK_FAILS(tillroll_sales_import(shop, NULL, 0, 1, NULL, NULL, NULL, &done, &err), TILLROLL_VALIDATION);
    check_free(&err);
}

static void faults(const char **paths, const char *broken) {
    tillroll_error *err = NULL;
    tillroll_import_options options = TILLROLL_IMPORT_OPTIONS_INIT;
    tillroll_import_summary done;
    const char *both[2];

    options.on_reject = "fail";
    options.force = 1;
    CHECK_FAILS(tillroll_sales_import(shop, paths, 1, 1, &options, NULL, NULL, &done, &err), TILLROLL_FORMAT);
    CHECK_TEXT(tillroll_error_path(err), paths[0]);
    CHECK_INT(tillroll_error_line(err), 5);
    CHECK_INT(done.rows, 0);
    options.on_reject = "drop";
    CHECK_FAILS(tillroll_sales_import(shop, paths, 1, 1, &options, NULL, NULL, NULL, &err), TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_fields(err), "\"on_reject\"");
    check_free(&err);

    /* One file that cannot be read does not stop the other, and the summary is there all the same. */
    both[0] = broken;
    both[1] = paths[0];
    options.on_reject = NULL;
    CHECK_FAILS(tillroll_sales_import(shop, both, 2, 1, &options, NULL, NULL, &done, &err), TILLROLL_FORMAT);
    CHECK_INT(done.files, 1);
    CHECK_INT(done.rows, 4);
    CHECK_HAS(tillroll_error_failures(err), broken);
    CHECK_HAS(tillroll_error_failures(err), "\"code\":180");
    CHECK(strstr(tillroll_error_failures(err), paths[0]) == NULL);
    check_free(&err);

    CHECK_FAILS(tillroll_sales_import(shop, paths, 1, 99, NULL, NULL, NULL, &done, &err), TILLROLL_NOT_FOUND);
    CHECK(tillroll_error_failures(err) == NULL);
    check_free(&err);
    both[0] = "no-such-file.csv";
    CHECK_FAILS(tillroll_sales_import(shop, both, 1, 1, NULL, NULL, NULL, &done, &err), TILLROLL_IO);
    CHECK_TEXT(tillroll_error_path(err), "no-such-file.csv");
    check_free(&err);
    both[1] = NULL;
    CHECK_FAILS(tillroll_sales_import(shop, both, 2, 1, NULL, NULL, NULL, &done, &err), TILLROLL_MISUSE);
    CHECK_TEXT(tillroll_error_message(err), "paths[1] must not be NULL");
    check_free(&err);
}

static void kinds(const char *report, const char *broken) {
    tillroll_error *err = NULL;
    char *kind = NULL;

    CHECK_OK(tillroll_sniff(report, &kind, &err));
    CHECK_TEXT(kind, "amazon-sales");
    tillroll_string_free(kind);
    CHECK_OK(tillroll_sniff(report, NULL, &err));
    CHECK_FAILS(tillroll_sniff(broken, &kind, &err), TILLROLL_FORMAT);
    CHECK(kind == NULL);
    CHECK_TEXT(tillroll_error_path(err), broken);
    CHECK_FAILS(tillroll_sniff("no-such-file.csv", &kind, &err), TILLROLL_IO);
    CHECK_FAILS(tillroll_sniff(NULL, &kind, &err), TILLROLL_MISUSE);
    check_free(&err);
}

/* An import that `stop` stops while it runs: nothing of it is stored, and the next one is whole. */
static void stops(const char **paths, tillroll_progress_fn stop, void *user_data) {
    tillroll_error *err = NULL;
    tillroll_import_options options = TILLROLL_IMPORT_OPTIONS_INIT;
    tillroll_import_summary done;
    options.force = 1;
    CHECK_FAILS(
        tillroll_sales_import(shop, paths, 1, 1, &options, stop, user_data, &done, &err), TILLROLL_CANCELLED);
    CHECK_INT(done.rows, 0);
    check_free(&err);
    CHECK_OK(tillroll_sales_import(shop, paths, 1, 1, &options, NULL, NULL, &done, &err));
    CHECK_INT(done.rows, 4);
}

struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int running;
    int cancelled;
};

static void *cancel_when_running(void *user_data) {
    struct meeting *meeting = (struct meeting *)user_data;
    pthread_mutex_lock(&meeting->mutex);
    while (!meeting->running) {
        pthread_cond_wait(&meeting->changed, &meeting->mutex);
    }
    tillroll_cancel(shop);
    meeting->cancelled = 1;
    pthread_cond_broadcast(&meeting->changed);
    pthread_mutex_unlock(&meeting->mutex);
    return NULL;
}

/* Asks to go on, but not before the other thread has cancelled. */
static int32_t wait_for_cancel(const tillroll_progress *progress, void *user_data) {
    struct meeting *meeting = (struct meeting *)user_data;
    (void)progress;
    pthread_mutex_lock(&meeting->mutex);
    meeting->running = 1;
    pthread_cond_broadcast(&meeting->changed);
    while (!meeting->cancelled) {
        pthread_cond_wait(&meeting->changed, &meeting->mutex);
    }
    pthread_mutex_unlock(&meeting->mutex);
    return 0;
}

static void cancel_at_signal(int number) {
    (void)number;
    tillroll_cancel(shop);
}

static int32_t raise_signal(const tillroll_progress *progress, void *user_data) {
    (void)progress;
    (void)user_data;
    CHECK_INT(raise(SIGUSR1), 0);
    return 0;
}

int main(int argc, char **argv) {
    struct seen seen;
    struct meeting meeting;
    pthread_t other;
    char *path = NULL;
    char *broken = NULL;
    const char *paths[1];
    tillroll_error *err = NULL;
    tillroll_import_options options = TILLROLL_IMPORT_OPTIONS_INIT;

    CHECK_INT(argc, 2);
    options.force = 1;
    shop = open_shop(argv[1]);
    path = path_in(argv[1], "sales_2018_03.csv");
    broken = path_in(argv[1], "broken.csv");
    write_file(path, REPORT);
    write_file(broken, "these,are\nnot,sales\n");
    paths[0] = path;
    kinds(path, broken);
    imports(paths);
    faults(paths, broken);

    memset(&seen, 0, sizeof seen);
    seen.answer = 1;
    stops(paths, watch, &seen);

    memset(&meeting, 0, sizeof meeting);
    CHECK_INT(pthread_mutex_init(&meeting.mutex, NULL), 0);
    CHECK_INT(pthread_cond_init(&meeting.changed, NULL), 0);
    CHECK_INT(pthread_create(&other, NULL, cancel_when_running, &meeting), 0);
    stops(paths, wait_for_cancel, &meeting);
    CHECK_INT(pthread_join(other, NULL), 0);

    CHECK(signal(SIGUSR1, cancel_at_signal) != SIG_ERR);
    stops(paths, raise_signal, NULL);

    /* Without an import there is nothing to cancel, and the next one is not meant. */
    tillroll_cancel(shop);
    CHECK_OK(tillroll_sales_import(shop, paths, 1, 1, &options, NULL, NULL, NULL, &err));
    tillroll_close(shop);
    free(path);
    free(broken);
    return 0;
}
