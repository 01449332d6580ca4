/*
 * Imports reports of the Amazon Appstore and prints what they earned, by currency.
 *
 *     cc import.c $(pkg-config --cflags --libs tillroll) -o import
 *     ./import shop.till 'reports/sales_*.gz'
 *
 * A second run imports nothing new: a report that is stored is not counted again.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tillroll.h>

/* Prints what went wrong, with the files that could not be stored, and frees the error. */
static int failed(tillroll_db *db, tillroll_error *err) {
    const char *failures = tillroll_error_failures(err);
    fprintf(stderr, "%s\n", tillroll_error_message(err));
    if (failures != NULL) fprintf(stderr, "%s\n", failures);
    tillroll_error_free(err);
    tillroll_close(db);
    return 1;
}

/* The number of the account of this name, which is made where there is none; 0 where that fails. */
static uint64_t account_of(tillroll_db *db, const char *nickname, tillroll_error **err) {
    char query[128], fields[128];
    char *json = NULL;
    const char *first;
    uint64_t id = 0;
    snprintf(query, sizeof query, "{\"filter\":\"eq(nickname,%s)\"}", nickname);
    snprintf(fields, sizeof fields, "{\"nickname\":\"%s\",\"store\":\"amazon\"}", nickname);
    if (tillroll_record_list(db, "external_accounts", query, &json, err)) return 0;
    first = strstr(json, "{\"id\":");
    if (first == NULL) {
        tillroll_string_free(json);
        if (tillroll_record_create(db, "external_accounts", fields, &json, err)) return 0;
        first = json;
    }
    /* A record begins with its id. */
    if (sscanf(first, "{\"id\":%" SCNu64, &id) != 1) id = 0;
    tillroll_string_free(json);
    return id;
}

/* Called now and then while files are read; anything but 0 would cancel the import. */
static int32_t show(const tillroll_progress *progress, void *user_data) {
    (void)user_data;
    fprintf(stderr, "%" PRIu64 " of %" PRIu64 " files, %" PRIu64 " rows\n", progress->files_done,
            progress->files_total, progress->rows);
    return 0;
}

/*
 * Prints a report: its columns are those that were asked for, in that order, and it comes in one batch. No group is
 * null here, since no row is without a month and a currency; a sum may be, and is where no row has an amount.
 */
static int print_report(struct ArrowArrayStream *report) {
    struct ArrowArray batch;
    int64_t row;
    if (report->get_next(report, &batch) != 0) {
        fprintf(stderr, "%s\n", report->get_last_error(report));
        return 1;
    }
    for (row = 0; row < batch.length; row++) {
        const int32_t *text = (const int32_t *)batch.children[0]->buffers[1] + row;
        const char *currency = (const char *)batch.children[0]->buffers[2] + text[0];
        int64_t units = ((const int64_t *)batch.children[1]->buffers[1])[row];
        /* Money is in millionths, 128 bits wide; the lower half of them is all of it below 9 million millions. */
        int64_t micros = ((const int64_t *)batch.children[2]->buffers[1])[2 * row];
        uint64_t size = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
        printf("%.*s %8" PRId64 " units %s%" PRIu64 ".%06" PRIu64 "\n", (int)(text[1] - text[0]), currency, units,
               micros < 0 ? "-" : "", size / 1000000, size % 1000000);
    }
    batch.release(&batch);
    return 0;
}

int main(int argc, char **argv) {
    tillroll_error *err = NULL;
    tillroll_db *db = NULL;
    tillroll_import_summary done;
    struct ArrowArrayStream report;
    uint64_t account;
    int wrong;

    if (argc < 3) {
        fprintf(stderr, "usage: %s DATABASE REPORTS...\n", argv[0]);
        return 2;
    }
    /* The header that this was compiled with, and the library that it runs with. */
    if (tillroll_version_number() < TILLROLL_VERSION_NUMBER) {
        fprintf(stderr, "libtillroll is %s, older than the header, %s\n", tillroll_version(), TILLROLL_VERSION);
        return 1;
    }
    db = tillroll_open(argv[1], NULL, &err);
    if (db == NULL) return failed(db, err);
    account = account_of(db, "Amazon apps", &err);
    if (account == 0) return failed(db, err);

    if (tillroll_sales_import(db, (const char *const *)(argv + 2), (size_t)argc - 2, account, NULL, show, NULL, &done,
                              &err)) {
        return failed(db, err);
    }
    printf("%" PRIu64 " files, %" PRIu64 " unchanged, %" PRIu64 " rows, %" PRIu64 " rejected\n", done.files,
           done.unchanged, done.rows, done.rejected);

    if (tillroll_sales_report(db, "{\"by\":\"currency\",\"measures\":[\"units\",\"earnings\"]}", &report, &err))
        return failed(db, err);
    wrong = print_report(&report);
    report.release(&report);
    tillroll_close(db);
    return wrong;
}
