/* What is stored report by report: listings, rejects, periods, deletion, and the verification of all of it. */

#include "arrow.h"

static void listings(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;
    char *same = NULL;
    uint64_t count = 0;

    CHECK_OK(tillroll_sales_count(db, &count, &err));
    CHECK_INT(count, 4);
    CHECK_OK(tillroll_sales_imports(db, 0, &json, &err));
    CHECK_HAS(json, "[{\"id\":1,\"account\":1,\"path\":\"");
    CHECK_HAS(json, "\"kind\":\"amazon-sales\",\"period\":\"2018-03\",\"part\":\"0\",\"rows\":4,\"rejected\":1,");
    CHECK_HAS(json, "{\"currency\":\"USD\",\"units\":2,\"sales\":\"9.98\",\"earnings_currency\":\"USD\","
                    "\"earnings\":\"6.986543\"}");
    CHECK_HAS(json, "\"change\":null");
    CHECK_HAS(json, "\"shadowed_by\":null,\"versions\":[{\"id\":1,\"path\":\"");
    CHECK_OK(tillroll_sales_imports(db, 1, &same, &err));
    CHECK_TEXT(same, json);
    tillroll_string_free(same);
    tillroll_string_free(json);
    CHECK_OK(tillroll_sales_imports(db, 2, &json, &err));
    CHECK_TEXT(json, "[]");
    tillroll_string_free(json);
    CHECK_OK(tillroll_sales_columns(db, &json, &err));
    CHECK_HAS(json, "[\"account\",\"store\",\"kind\",\"period\",");
    tillroll_string_free(json);
    CHECK_OK(tillroll_stats(db, &json, &err));
    CHECK_HAS(json, "\"rows\":4,\"reports\":1,");
    tillroll_string_free(json);
}

static void rejects(tillroll_db *db) {
    tillroll_error *err = NULL;
    struct ArrowArrayStream stream;
    struct table table;
    uint64_t id;

    for (id = 0; id < 2; id++) {
        CHECK_OK(tillroll_sales_rejects(db, id, &stream, &err));
        table = read_table(&stream);
        CHECK_INT(table.batch.length, 1);
        CHECK_INT(int_at(column(&table, "line", "l"), 0), 5);
        check_text_at(
            column(&table, "text", "u"), 0, "Amazon.com,t3,2018-03-06 12:00:00,Charge,coins,many,USD,9.98,6.98");
        free_table(&table);
    }
    CHECK_FAILS(tillroll_sales_rejects(db, 77, &stream, &err), TILLROLL_NOT_FOUND);
    CHECK(stream.release == NULL);
    check_free(&err);
}

static int32_t state(tillroll_db *db, const char *period) {
    tillroll_error *err = NULL;
    int32_t known = 77;
    CHECK_OK(tillroll_sales_period_state(db, 1, "amazon-sales", period, &known, &err));
    return known;
}

static void periods(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;
    int32_t known = 77;

    CHECK_INT(state(db, "2018-03"), TILLROLL_PERIOD_ROWS);
    CHECK_INT(state(db, "2018-02"), TILLROLL_PERIOD_ABSENT);
    CHECK_OK(tillroll_sales_mark_empty(db, 1, "amazon-sales", "2018-02", &err));
    CHECK_INT(state(db, "2018-02"), TILLROLL_PERIOD_EMPTY);
    CHECK_OK(tillroll_sales_gaps(db, 1, "amazon-sales", "2018-01", "2018-06", &json, &err));
    CHECK_TEXT(json, "[\"2018-01\",\"2018-04\",\"2018-05\"]");
    tillroll_string_free(json);
    CHECK_FAILS(tillroll_sales_mark_empty(db, 1, "amazon-sales", "2018-03", &err), TILLROLL_CONFLICT);
    CHECK_FAILS(tillroll_sales_period_state(db, 1, "steam", "2018-03", &known, &err), TILLROLL_VALIDATION);
    CHECK_INT(known, TILLROLL_PERIOD_ABSENT);
    CHECK_FAILS(tillroll_sales_period_state(db, 9, "amazon-sales", "2018-03", &known, &err), TILLROLL_NOT_FOUND);
    CHECK_FAILS(tillroll_sales_gaps(db, 9, "amazon-sales", "2018-01", "2018-06", &json, &err), TILLROLL_NOT_FOUND);
    CHECK_FAILS(tillroll_sales_gaps(db, 1, "amazon-sales", "March", "2018-06", &json, &err), TILLROLL_VALIDATION);
    CHECK_FAILS(tillroll_sales_period_state(db, 1, "amazon-sales", NULL, &known, &err), TILLROLL_MISUSE);
    check_free(&err);
}

static void deletion(tillroll_db *db) {
    tillroll_error *err = NULL;
    uint64_t count = 7;
    CHECK_OK(tillroll_sales_delete(db, 1, "amazon-sales", "2018-03", &err));
    CHECK_OK(tillroll_sales_count(db, &count, &err));
    CHECK_INT(count, 0);
    CHECK_INT(state(db, "2018-03"), TILLROLL_PERIOD_ABSENT);
    CHECK_FAILS(tillroll_sales_delete(db, 1, "amazon-sales", "2018-03", &err), TILLROLL_NOT_FOUND);
    check_free(&err);
}

/* Damage is what a check answers with, not what it fails of. */
static void check_finds_damage(tillroll_db *db, const char *folder) {
    tillroll_error *err = NULL;
    char *json = NULL;
    char *roll = path_in(folder, "shop.till/rolls/000001.roll");
    FILE *file = NULL;
    int byte = 0;

    CHECK_OK(tillroll_check(db, &json, &err));
    CHECK_TEXT(json, "{\"ok\":true,\"problems\":[]}");
    tillroll_string_free(json);
    file = fopen(roll, "r+b");
    CHECK(file != NULL);
    CHECK_INT(fseek(file, 200, SEEK_SET), 0);
    byte = fgetc(file);
    CHECK_INT(fseek(file, 200, SEEK_SET), 0);
    CHECK(fputc(byte ^ 1, file) != EOF);
    CHECK_INT(fclose(file), 0);
    CHECK_OK(tillroll_check(db, &json, &err));
    CHECK_HAS(json, "{\"ok\":false,\"problems\":[\"");
    CHECK_HAS(json, "000001.roll");
    tillroll_string_free(json);
    free(roll);
}

int main(int argc, char **argv) {
    tillroll_db *db = NULL;
    CHECK_INT(argc, 2);
    db = open_filled_shop(argv[1]);
    listings(db);
    rejects(db);
    periods(db);
    check_finds_damage(db, argv[1]);
    deletion(db);
    tillroll_close(db);
    return 0;
}
