/* Records as JSON: every verb, what is told of wrong fields, and several threads at once. */

#include <pthread.h>

#include "check.h"

enum { THREADS = 4, EACH = 10 };

static const char ACCOUNTS[] = "external_accounts";

static void verbs(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *made = NULL;
    char *json = NULL;
    uint64_t count = 0;

    CHECK_OK(tillroll_record_create(db, ACCOUNTS, "{\"nickname\":\"G\xc3\xa4mes\",\"store\":\"amazon\"}", &made, &err));
    CHECK_HAS(made, "{\"id\":1,");
    CHECK_HAS(made, "\"nickname\":\"G\xc3\xa4mes\"");
    CHECK_OK(tillroll_record_get(db, ACCOUNTS, "1", &json, &err));
    CHECK_TEXT(json, made);
    tillroll_string_free(json);

    CHECK_OK(tillroll_record_update(db, ACCOUNTS, "1", "{\"auto_import\":true}", &json, &err));
    CHECK_HAS(json, "\"auto_import\":true");
    tillroll_string_free(json);
    /* What came out goes in again. */
    CHECK_OK(tillroll_record_update(db, ACCOUNTS, "1", made, &json, &err));
    CHECK_TEXT(json, made);
    tillroll_string_free(json);
    tillroll_string_free(made);

    CHECK_OK(tillroll_record_create(db, ACCOUNTS, "{\"nickname\":\"b\",\"store\":\"apple\"}", NULL, &err));
    CHECK_OK(tillroll_record_list(db, ACCOUNTS, "{\"sort\":\"id-desc\",\"page_size\":1}", &json, &err));
    CHECK_HAS(json, "{\"data\":[{\"id\":2,");
    CHECK_HAS(json, "\"meta\":{\"page\":1,\"page_size\":1,\"page_count\":2,\"item_count\":2}}");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_list(db, ACCOUNTS, NULL, &json, &err));
    CHECK_HAS(json, "\"page_size\":50,");
    tillroll_string_free(json);

    CHECK_OK(tillroll_record_delete(db, ACCOUNTS, "2", &err));
    CHECK_OK(tillroll_record_count(db, ACCOUNTS, &count, &err));
    CHECK_INT(count, 1);
}

static void verbs_by_name(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;

    CHECK_OK(tillroll_record_call(
        db, ACCOUNTS, "create_many", "{\"records\":[{\"nickname\":\"c\",\"store\":\"apple\"}]}", &json, &err));
    CHECK_HAS(json, "[{\"id\":3,");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(db, ACCOUNTS, "update", "{\"id\":3,\"nickname\":\"d\"}", &json, &err));
    CHECK_HAS(json, "\"nickname\":\"d\"");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(db, ACCOUNTS, "delete", "{\"id\":3}", &json, &err));
    CHECK_TEXT(json, "null");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(db, ACCOUNTS, "count", NULL, &json, &err));
    CHECK_TEXT(json, "1");
    tillroll_string_free(json);
    CHECK_FAILS(tillroll_record_call(db, ACCOUNTS, "drop", NULL, &json, &err), TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_message(err), "create_many");
    check_free(&err);
}

static void faults(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;
    uint64_t count = 7;

    CHECK_FAILS(tillroll_record_create(db, "banners", NULL, &json, &err), TILLROLL_MISUSE);
    CHECK_FAILS(tillroll_record_update(db, ACCOUNTS, "1", NULL, &json, &err), TILLROLL_MISUSE);
    check_free(&err);

    CHECK_FAILS(tillroll_record_create(db, ACCOUNTS, "{\"colour\":1}", &json, &err), TILLROLL_VALIDATION);
    CHECK(json == NULL);
    CHECK_HAS(tillroll_error_fields(err), "\"store\":[\"is required\"]");
    CHECK_HAS(tillroll_error_fields(err), "\"colour\":[");
    CHECK_FAILS(tillroll_record_create(db, ACCOUNTS, "{\n \"store\":}", &json, &err), TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_message(err), "json: is not JSON");
    CHECK_HAS(tillroll_error_message(err), "line 2 column 10");
    CHECK_HAS(tillroll_error_fields(err), "{\"json\":[");
    check_free(&err);
    CHECK_FAILS(tillroll_record_get(db, ACCOUNTS, "77", &json, &err), TILLROLL_NOT_FOUND);
    CHECK_TEXT(tillroll_error_message(err), "external account 77 not found");
    check_free(&err);
    CHECK_FAILS(tillroll_record_get(db, ACCOUNTS, "", &json, &err), TILLROLL_NOT_FOUND);
    check_free(&err);
    CHECK_FAILS(tillroll_record_count(db, "nothings", &count, &err), TILLROLL_NOT_FOUND);
    CHECK_INT(count, 0);
    check_free(&err);
    CHECK_FAILS(tillroll_record_list(db, ACCOUNTS, "{\"page\":0}", &json, &err), TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_fields(err), "\"page\"");
    check_free(&err);
    CHECK_FAILS(tillroll_record_list(db, ACCOUNTS, "[]", &json, &err), TILLROLL_VALIDATION);
    check_free(&err);
}

static void *create_some(void *handle) {
    tillroll_db *db = (tillroll_db *)handle;
    tillroll_error *err = NULL;
    int i;
    for (i = 0; i < EACH; i++) {
        char *json = NULL;
        CHECK_OK(tillroll_record_create(db, ACCOUNTS, "{\"nickname\":\"t\",\"store\":\"amazon\"}", NULL, &err));
        CHECK_OK(tillroll_record_list(db, ACCOUNTS, "{\"store\":\"amazon\"}", &json, &err));
        tillroll_string_free(json);
    }
    return NULL;
}

static void threads(tillroll_db *db) {
    tillroll_error *err = NULL;
    pthread_t started[THREADS];
    uint64_t before = 0;
    uint64_t after = 0;
    int i;
    CHECK_OK(tillroll_record_count(db, ACCOUNTS, &before, &err));
    for (i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_create(&started[i], NULL, create_some, db), 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_join(started[i], NULL), 0);
    }
    CHECK_OK(tillroll_record_count(db, ACCOUNTS, &after, &err));
    CHECK_INT(after - before, THREADS * EACH);
}

static void narrowed(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;
    uint64_t count = 7;
    const char *reading[] = {"records:read"};
    const char *wrong[] = {"records:read", "everything"};
    tillroll_db *narrow = tillroll_restrict(db, reading, 1, &err);

    CHECK(narrow != NULL && err == NULL);
    CHECK_OK(tillroll_record_count(narrow, "accounts", &count, &err));
    CHECK_FAILS(tillroll_record_create(narrow, "accounts", "{\"name\":\"a\"}", &json, &err), TILLROLL_ACCESS);
    CHECK_HAS(tillroll_error_message(err), "records:write");
    CHECK_FAILS(tillroll_record_count(narrow, ACCOUNTS, &count, &err), TILLROLL_ACCESS);
    CHECK_FAILS(tillroll_check(narrow, &json, &err), TILLROLL_ACCESS);
    check_free(&err);
    CHECK(tillroll_restrict(narrow, wrong, 2, &err) == NULL);
    CHECK_CODE(TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_message(err), "sales:write");
    check_free(&err);
    CHECK(tillroll_restrict(db, NULL, 1, &err) == NULL);
    CHECK_CODE(TILLROLL_MISUSE);
    check_free(&err);
    tillroll_close(narrow);
    CHECK_OK(tillroll_record_count(db, "accounts", &count, &err));
}

static void tree(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;
    char id[37];
    char arguments[80];

    CHECK_OK(tillroll_record_create(db, "accounts", "{\"name\":\"Group\"}", &json, &err));
    CHECK_HAS(json, "{\"id\":\"");
    snprintf(id, sizeof id, "%.36s", json + strlen("{\"id\":\""));
    tillroll_string_free(json);
    snprintf(arguments, sizeof arguments, "{\"name\":\"Team\",\"parent\":\"%s\"}", id);
    CHECK_OK(tillroll_record_create(db, "accounts", arguments, &json, &err));
    tillroll_string_free(json);
    snprintf(arguments, sizeof arguments, "{\"id\":\"%s\"}", id);
    CHECK_OK(tillroll_record_call(db, "accounts", "children", arguments, &json, &err));
    CHECK_HAS(json, "\"name\":\"Team\"");
    tillroll_string_free(json);
    CHECK_FAILS(tillroll_record_delete(db, "accounts", id, &err), TILLROLL_CONFLICT);
    check_free(&err);
}

static void products(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;
    const char *rdio =
        "{\"name\":\"Rdio\",\"vendor_identifier\":\"B004T76OR8\",\"store\":\"amazon\","
        "\"price\":{\"currency\":\"USD\",\"price\":\"0.00\"}}";

    CHECK_OK(tillroll_stores(db, &json, &err));
    CHECK_HAS(json, "\"amazon_appstore\"");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_create(db, "products", rdio, &json, &err));
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(
        db, "products", "get_by_store", "{\"store\":\"amazon\",\"id_in_store\":\"B004T76OR8\"}", &json, &err));
    CHECK_HAS(json, "\"store\":\"amazon_appstore\"");
    CHECK_HAS(json, "\"price\":{\"currency\":\"USD\",\"price\":\"0.00\"}");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(db, "products", "search", "{\"term\":\"rd\"}", &json, &err));
    CHECK_HAS(json, "\"item_count\":1");
    tillroll_string_free(json);
}

static void groups(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;
    const char *records =
        "{\"records\":[{\"name\":\"Chess\",\"vendor_identifier\":\"B1\",\"store\":\"amazon\"},"
        "{\"name\":\"Chess\",\"vendor_identifier\":\"com.chess\",\"store\":\"google_play\"}]}";

    CHECK_OK(tillroll_record_call(db, "products", "create_many", records, &json, &err));
    CHECK_HAS(json, "[{\"id\":2,");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(db, "products", "link", "{\"ids\":[3,2]}", &json, &err));
    CHECK_HAS(json, "[{\"id\":2,");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(db, "products", "group", "{\"id\":3}", &json, &err));
    CHECK_HAS(json, "{\"id\":3,");
    CHECK_HAS(json, "[{\"id\":2,");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(db, "products", "unlink", "{\"id\":2}", &json, &err));
    CHECK_TEXT(json, "null");
    tillroll_string_free(json);
    CHECK_OK(tillroll_record_call(db, "products", "group", "{\"id\":3}", &json, &err));
    CHECK_HAS(json, "[{\"id\":3,");
    tillroll_string_free(json);
    CHECK_FAILS(tillroll_record_call(db, "products", "link", "{\"ids\":[3]}", &json, &err), TILLROLL_VALIDATION);
    CHECK_FAILS(tillroll_record_call(db, "products", "link", "{\"ids\":[3,9]}", &json, &err), TILLROLL_NOT_FOUND);
    check_free(&err);
    CHECK_OK(tillroll_record_call(db, "products", "link", "{\"ids\":[2,3]}", &json, &err));
    tillroll_string_free(json);
}

static void amounts(tillroll_db *db) {
    tillroll_error *err = NULL;
    char *json = NULL;

    CHECK_OK(tillroll_record_create(db, "gift_cards",
        "{\"code\":\"DTGZRVGGYPS2YMNC\",\"expires_at\":\"9999-10-20\",\"balance\":1234567890123.456789}", &json, &err));
    CHECK_HAS(json, "\"balance\":1234567890123.456789");
    tillroll_string_free(json);
}

static void in_and_out(tillroll_db *db, const char *folder) {
    tillroll_error *err = NULL;
    uint64_t written = 0;
    uint64_t stored = 7;
    char file[512];
    char other[512];
    tillroll_db *copy = NULL;

    snprintf(file, sizeof file, "%s/records.jsonl", folder);
    snprintf(other, sizeof other, "%s/copy.till", folder);
    CHECK_OK(tillroll_export_records(db, file, &written, &err));
    CHECK(written >= 3);
    copy = tillroll_open(other, NULL, &err);
    CHECK(copy != NULL);
    CHECK_OK(tillroll_import_records(copy, file, &stored, &err));
    CHECK_INT(stored, written);
    CHECK_OK(tillroll_import_records(copy, file, &stored, &err));
    CHECK_INT(stored, 0);
    CHECK_FAILS(tillroll_import_records(copy, other, &stored, &err), TILLROLL_IO);
    CHECK_FAILS(tillroll_export_records(copy, NULL, &stored, &err), TILLROLL_MISUSE);
    CHECK_FAILS(tillroll_export_records(copy, file, NULL, &err), TILLROLL_MISUSE);
    check_free(&err);
    tillroll_close(copy);
}

int main(int argc, char **argv) {
    tillroll_error *err = NULL;
    tillroll_db *db = NULL;
    char *path = NULL;
    CHECK_INT(argc, 2);
    path = path_in(argv[1], "shop.till");
    db = tillroll_open(path, NULL, &err);
    CHECK_OK(tillroll_error_code(err));
    verbs(db);
    verbs_by_name(db);
    faults(db);
    threads(db);
    narrowed(db);
    tree(db);
    products(db);
    groups(db);
    amounts(db);
    in_and_out(db, argv[1]);
    tillroll_close(db);
    free(path);
    return 0;
}
