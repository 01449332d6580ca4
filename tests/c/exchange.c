/*
 * One half of an exchange with Python: `exchange write FOLDER GLOB` makes a database of an account and the reports;
 * `exchange print FOLDER` prints what a database answers, money in millionths and dates in days since 1970.
 */

#include "arrow.h"

static void write_shop(const char *folder, const char *reports) {
    tillroll_error *err = NULL;
    tillroll_import_summary done;
    const char *paths[1];
    tillroll_db *db = open_shop(folder);
    paths[0] = reports;
    CHECK_OK(tillroll_sales_import(db, paths, 1, 1, NULL, NULL, NULL, &done, &err));
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", done.files, done.rows, done.rejected);
    tillroll_close(db);
}

static void print_report(tillroll_db *db) {
    tillroll_error *err = NULL;
    struct ArrowArrayStream stream;
    struct table table;
    int64_t row;
    const char *query = "{\"by\":[\"month\",\"currency\"],\"measures\":[\"units\",\"sales\",\"earnings\"]}";
    CHECK_OK(tillroll_sales_report(db, query, &stream, &err));
    table = read_table(&stream);
    for (row = 0; row < table.batch.length; row++) {
        char *currency = text_at(column(&table, "currency", "u"), row);
        printf("%" PRId32 ",%s,%" PRId64 ",%" PRId64 ",%" PRId64 "\n", date_at(column(&table, "month", "tdD"), row),
               currency, int_at(column(&table, "units", "l"), row), micros_at(column(&table, "sales", "d:38,6"), row),
               micros_at(column(&table, "earnings", "d:38,6"), row));
        free(currency);
    }
    free_table(&table);
}

int main(int argc, char **argv) {
    CHECK(argc >= 3);
    if (strcmp(argv[1], "write") == 0) {
        CHECK_INT(argc, 4);
        write_shop(argv[2], argv[3]);
    } else {
        tillroll_error *err = NULL;
        char *json = NULL;
        char *path = path_in(argv[2], "shop.till");
        tillroll_db *db = tillroll_open(path, NULL, &err);
        CHECK_OK(tillroll_error_code(err));
        print_report(db);
        CHECK_OK(tillroll_record_get(db, "external_accounts", "1", &json, &err));
        printf("%s\n", json);
        tillroll_string_free(json);
        tillroll_close(db);
        free(path);
    }
    return 0;
}
