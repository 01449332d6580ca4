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
    tillroll_close(db);
    free(path);
    return 0;
}
