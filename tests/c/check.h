/*
 * Assertions that stay in every build, since NDEBUG removes assert(), and what the programs of this folder share. Each
 * program is C99 and C++17 at once, and is given a folder to work in.
 */

#ifndef TILLROLL_TEST_CHECK_H
#define TILLROLL_TEST_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tillroll.h"

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)
#define CHECK_INT(got, wanted) check_int((int64_t)(got), (int64_t)(wanted), #got, __FILE__, __LINE__)
#define CHECK_TEXT(got, wanted) check_text((got), (wanted), #got, __FILE__, __LINE__)
#define CHECK_HAS(got, part) check_has((got), (part), #got, __FILE__, __LINE__)
/* A call that must succeed; `err` is where it tells. */
#define CHECK_OK(call) check_ok((call), &err, #call, __FILE__, __LINE__)
/* A call that must fail with a code; the error stays in `err` until the next of these or check_free(). */
#define CHECK_FAILS(call, code) (check_free(&err), check_fails((call), (code), &err, #call, __FILE__, __LINE__))
/* What a failed tillroll_open() told. */
#define CHECK_CODE(code) check_fails(tillroll_error_code(err), (code), &err, #code, __FILE__, __LINE__)

static inline void check_stop(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    exit(1);
}

static inline void check_that(int holds, const char *what, const char *file, int line) {
    if (!holds) {
        check_stop(what, file, line);
    }
}

static inline void check_int(int64_t got, int64_t wanted, const char *what, const char *file, int line) {
    if (got != wanted) {
        fprintf(stderr, "got %" PRId64 ", wanted %" PRId64 "\n", got, wanted);
        check_stop(what, file, line);
    }
}

static inline void check_text(const char *got, const char *wanted, const char *what, const char *file, int line) {
    if (got == NULL || strcmp(got, wanted) != 0) {
        fprintf(stderr, "got %s\nwanted %s\n", got == NULL ? "(NULL)" : got, wanted);
        check_stop(what, file, line);
    }
}

static inline void check_has(const char *got, const char *part, const char *what, const char *file, int line) {
    if (got == NULL || strstr(got, part) == NULL) {
        fprintf(stderr, "got %s\nwithout %s\n", got == NULL ? "(NULL)" : got, part);
        check_stop(what, file, line);
    }
}

static inline void check_ok(int32_t code, tillroll_error **err, const char *what, const char *file, int line) {
    if (code != TILLROLL_OK || *err != NULL) {
        fprintf(stderr, "code %d: %s\n", (int)code, tillroll_error_message(*err));
        check_stop(what, file, line);
    }
}

static inline void check_free(tillroll_error **err) {
    tillroll_error_free(*err);
    *err = NULL;
}

static inline void check_fails(
    int32_t code, int32_t wanted, tillroll_error **err, const char *what, const char *file, int line) {
    check_int(code, wanted, what, file, line);
    check_int(tillroll_error_code(*err), wanted, what, file, line);
    check_that(tillroll_error_message(*err)[0] != '\0', what, file, line);
}

/* The folder, and a file in it. The text is the caller's. */
static inline char *path_in(const char *folder, const char *name) {
    size_t length = strlen(folder) + strlen(name) + 2;
    char *path = (char *)malloc(length);
    CHECK(path != NULL);
    snprintf(path, length, "%s/%s", folder, name);
    return path;
}

static inline void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_INT(fclose(file), 0);
}

/* A report of four rows that count and one, on line 5, that cannot be read. */
static const char REPORT[] =
    "Marketplace,Transaction ID,Transaction Time,Transaction Type,Vendor SKU,Units,Marketplace Currency,"
    "Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)\n"
    "Amazon.de,t1,2018-03-05 12:00:00,Charge,app,1,EUR,1.99,1.39\n"
    "Amazon.de,t1,2018-03-06 12:00:00,Refund,app,1,EUR,1.99,-1.39\n"
    "Amazon.com,t2,2018-03-06 12:00:00,Charge,coins,2,USD,9.98,6.986543\n"
    "Amazon.com,t3,2018-03-06 12:00:00,Charge,coins,many,USD,9.98,6.98\n"
    "Amazon.de,t4,2018-03-07 12:00:00,Charge,app,3,EUR,5.97,4.17\n";

/* A database of one account, number 1, in the folder. */
static inline tillroll_db *open_shop(const char *folder) {
    tillroll_error *err = NULL;
    char *path = path_in(folder, "shop.till");
    tillroll_db *db = tillroll_open(path, NULL, &err);
    CHECK_OK(tillroll_error_code(err));
    CHECK(db != NULL);
    CHECK_OK(tillroll_record_create(
        db, "external_accounts", "{\"nickname\":\"Amazon apps\",\"store\":\"amazon\"}", NULL, &err));
    free(path);
    return db;
}

/* The same with the report imported. */
static inline tillroll_db *open_filled_shop(const char *folder) {
    tillroll_error *err = NULL;
    tillroll_db *db = open_shop(folder);
    char *path = path_in(folder, "sales_2018_03.csv");
    const char *paths[1];
    tillroll_import_summary done;
    paths[0] = path;
    write_file(path, REPORT);
    CHECK_OK(tillroll_sales_import(db, paths, 1, 1, NULL, NULL, NULL, &done, &err));
    CHECK_INT(done.rows, 4);
    CHECK_INT(done.rejected, 1);
    free(path);
    return db;
}

#endif
