/* Reports, scans and lookups, read from their Arrow streams by hand. */

#include "arrow.h"

static void reports(tillroll_db *db) {
    tillroll_error *err = NULL;
    struct ArrowArrayStream stream;
    struct table table;
    const char *query = "{\"by\":[\"month\",\"currency\"],\"measures\":[\"units\",\"sales\",\"earnings\"]}";

    CHECK_OK(tillroll_sales_report(db, query, &stream, &err));
    table = read_table(&stream);
    CHECK_INT(table.batch.length, 2);
    CHECK_INT(table.batch.n_children, 5);
    CHECK_TEXT(table.schema.children[0]->name, "month");
    CHECK_TEXT(table.schema.children[4]->name, "earnings");
    /* 2018-03-01 */
    CHECK_INT(date_at(column(&table, "month", "tdD"), 0), 17591);
    check_text_at(column(&table, "currency", "u"), 0, "EUR");
    check_text_at(column(&table, "currency", "u"), 1, "USD");
    CHECK_INT(int_at(column(&table, "units", "l"), 0), 3);
    CHECK_INT(int_at(column(&table, "units", "l"), 1), 2);
    CHECK_INT(micros_at(column(&table, "sales", "d:38,6"), 0), 5970000);
    CHECK_INT(micros_at(column(&table, "earnings", "d:38,6"), 0), 4170000);
    CHECK_INT(micros_at(column(&table, "earnings", "d:38,6"), 1), 6986543);
    free_table(&table);

    /* Nothing asked is the units of everything; nothing found is a table without rows. */
    CHECK_OK(tillroll_sales_report(db, NULL, &stream, &err));
    table = read_table(&stream);
    CHECK_INT(int_at(column(&table, "units", "l"), 0), 5);
    free_table(&table);
    CHECK_OK(tillroll_sales_report(db, "{\"by\":\"sku\",\"sku\":\"none\"}", &stream, &err));
    table = read_table(&stream);
    CHECK_INT(table.batch.length, 0);
    free_table(&table);
}

/* The two products of the reports, as one app in two stores would be. */
static void groups(tillroll_db *db) {
    tillroll_error *err = NULL;
    struct ArrowArrayStream stream;
    struct table table;
    char *json = NULL;

    CHECK_OK(tillroll_record_call(db, "products", "link", "{\"ids\":[1,2]}", &json, &err));
    tillroll_string_free(json);
    CHECK_OK(tillroll_sales_report(db, "{\"by\":[\"product_group\"],\"combine_inapps\":true}", &stream, &err));
    table = read_table(&stream);
    CHECK_INT(table.batch.length, 1);
    CHECK_INT(int_at(column(&table, "product_group", "l"), 0), 1);
    CHECK_INT(int_at(column(&table, "units", "l"), 0), 5);
    free_table(&table);
    CHECK_OK(tillroll_sales_report(db, "{\"by\":\"sku\",\"product_group\":2}", &stream, &err));
    table = read_table(&stream);
    CHECK_INT(table.batch.length, 2);
    free_table(&table);
    CHECK_FAILS(tillroll_sales_report(db, "{\"by\":\"sku\",\"combine_inapps\":true}", &stream, &err),
                TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_fields(err), "\"combine_inapps\"");
    CHECK_FAILS(tillroll_sales_report(db, "{\"product_group\":77}", &stream, &err), TILLROLL_NOT_FOUND);
    check_free(&err);
}

static void faults(tillroll_db *db) {
    tillroll_error *err = NULL;
    struct ArrowArrayStream stream;

    memset(&stream, 0xff, sizeof stream);
    CHECK_FAILS(tillroll_sales_report(db, "{\"measures\":\"earnings\"}", &stream, &err), TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_message(err), "currency");
    CHECK(stream.release == NULL);
    memset(&stream, 0xff, sizeof stream);
    CHECK_FAILS(tillroll_sales_scan(db, "{\"columns\":[\"colour\"]}", &stream, &err), TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_fields(err), "\"columns\"");
    CHECK(stream.release == NULL);
    CHECK_FAILS(tillroll_sales_scan(db, "{\"columns\":", &stream, &err), TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_message(err), "query_json: is not JSON");
    check_free(&err);
}

static void lookups(tillroll_db *db) {
    tillroll_error *err = NULL;
    struct ArrowArrayStream stream;
    struct table table;
    const char *ids[3];
    char *json = NULL;

    CHECK_OK(tillroll_sales_get(db, "t1", &json, &err));
    CHECK_HAS(json, "[{\"account\":1,\"store\":\"amazon\",\"kind\":\"amazon-sales\",\"period\":\"2018-03\"");
    CHECK_HAS(json, "\"type\":\"charge\"");
    CHECK_HAS(json, "\"type\":\"refund\"");
    CHECK_HAS(json, "\"earnings\":\"1.39\"");
    CHECK_HAS(json, "\"earnings\":\"-1.39\"");
    CHECK_HAS(json, "\"date\":\"2018-03-05\"");
    CHECK_HAS(json, "\"time\":\"2018-03-05T11:00:00Z\"");
    CHECK_HAS(json, "\"invoice_id\":null");
    tillroll_string_free(json);
    CHECK_OK(tillroll_sales_get(db, "nothing", &json, &err));
    CHECK_TEXT(json, "[]");
    tillroll_string_free(json);

    ids[0] = "t4";
    ids[1] = "nothing";
    ids[2] = "t1";
    CHECK_OK(tillroll_sales_get_many(db, ids, 3, &stream, &err));
    table = read_table(&stream);
    CHECK_INT(table.batch.length, 3);
    check_text_at(column(&table, "transaction_id", "u"), 0, "t4");
    check_text_at(column(&table, "transaction_id", "u"), 2, "t1");
    CHECK_INT(int_at(column(&table, "units", "l"), 2), -1);
    free_table(&table);
    CHECK_OK(tillroll_sales_get_many(db, NULL, 0, &stream, &err));
    table = read_table(&stream);
    CHECK_INT(table.batch.length, 0);
    free_table(&table);
}

/* A scan reads what stood when it was asked for, also after a deletion and after the database was closed. */
static void scan_outlives_all(tillroll_db *db, const char *path) {
    tillroll_error *err = NULL;
    struct ArrowArrayStream stream;
    struct ArrowArrayStream report;
    struct table table;
    const struct ArrowArray *texts = NULL;
    uint64_t count = 9;

    CHECK_OK(tillroll_sales_scan(db, "{\"columns\":[\"sku\",\"units\"],\"type\":\"charge\"}", &stream, &err));
    CHECK_OK(tillroll_sales_report(db, NULL, &report, &err));
    CHECK_OK(tillroll_sales_delete(db, 1, "amazon-sales", "2018-03", &err));
    CHECK_OK(tillroll_sales_count(db, &count, &err));
    CHECK_INT(count, 0);
    tillroll_close(db);
    CHECK(tillroll_open(path, NULL, &err) == NULL);
    CHECK_CODE(TILLROLL_LOCKED);
    check_free(&err);

    table = read_table(&stream);
    CHECK_INT(table.batch.length, 3);
    texts = column(&table, "sku", "i");
    CHECK(texts->dictionary != NULL);
    check_text_at(texts->dictionary, ((const int32_t *)texts->buffers[1])[1], "coins");
    CHECK_INT(int_at(column(&table, "units", "l"), 2), 3);
    free_table(&table);

    /* Reports are whole in memory and hold nothing. */
    db = tillroll_open(path, NULL, &err);
    CHECK_OK(tillroll_error_code(err));
    table = read_table(&report);
    CHECK_INT(int_at(column(&table, "units", "l"), 0), 5);
    free_table(&table);
    tillroll_close(db);
}

int main(int argc, char **argv) {
    tillroll_db *db = NULL;
    char *path = NULL;
    CHECK_INT(argc, 2);
    path = path_in(argv[1], "shop.till");
    db = open_filled_shop(argv[1]);
    reports(db);
    groups(db);
    faults(db);
    lookups(db);
    scan_outlives_all(db, path);
    free(path);
    return 0;
}
