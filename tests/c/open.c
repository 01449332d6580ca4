/* Opening, what is told where that fails, and arguments that cannot be meant. */

#include "check.h"

static void opens_and_closes(const char *path) {
    tillroll_error *err = NULL;
    tillroll_open_options options = TILLROLL_OPEN_OPTIONS_INIT;
    tillroll_db *db = NULL;
    tillroll_db *second = NULL;

    options.create = 0;
    CHECK(tillroll_open(path, &options, &err) == NULL);
    CHECK_CODE(TILLROLL_NOT_FOUND);
    check_free(&err);

    options.create = 1;
    options.threads = 2;
    options.cache_bytes = 1 << 20;
    db = tillroll_open(path, &options, &err);
    CHECK_OK(tillroll_error_code(err));
    CHECK(db != NULL);

    second = tillroll_open(path, NULL, &err);
    CHECK(second == NULL);
    CHECK_CODE(TILLROLL_LOCKED);
    CHECK_TEXT(tillroll_error_path(err), path);
    CHECK(tillroll_error_fields(err) == NULL);
    CHECK(tillroll_error_failures(err) == NULL);
    CHECK_INT(tillroll_error_line(err), 0);

    /* An error belongs to nobody but the caller, and a success leaves none. */
    tillroll_close(db);
    CHECK_HAS(tillroll_error_message(err), path);
    check_free(&err);
    err = (tillroll_error *)(void *)&options;
    db = tillroll_open(path, NULL, &err);
    CHECK(db != NULL && err == NULL);
    tillroll_close(db);
    tillroll_close(NULL);
    tillroll_cancel(NULL);
}

static void opens_for_reading(const char *path) {
    tillroll_error *err = NULL;
    tillroll_open_options options = TILLROLL_OPEN_OPTIONS_INIT;
    tillroll_db *db = NULL;
    uint64_t count = 7;

    options.read_only = 1;
    db = tillroll_open(path, &options, &err);
    CHECK_OK(tillroll_error_code(err));
    CHECK_FAILS(
        tillroll_record_create(db, "external_accounts", "{\"nickname\":\"a\",\"store\":\"apple\"}", NULL, &err),
        TILLROLL_ACCESS);
    check_free(&err);
    CHECK_OK(tillroll_sales_count(db, &count, &err));
    CHECK_INT(count, 0);
    tillroll_close(db);
}

static void keeps_secrets(const char *path) {
    tillroll_error *err = NULL;
    tillroll_open_options options = TILLROLL_OPEN_OPTIONS_INIT;
    tillroll_db *db = tillroll_open(path, NULL, &err);
    const char *account = "{\"nickname\":\"a\",\"store\":\"apple\",\"password\":\"p455w0rd!\"}";
    char *json = NULL;

    CHECK_OK(tillroll_set_passphrase(db, "open sesame", &err));
    CHECK_OK(tillroll_record_create(db, "external_accounts", account, &json, &err));
    CHECK(strstr(json, "p455w0rd!") == NULL);
    tillroll_string_free(json);
    tillroll_close(db);

    /* Without the passphrase everything works but the secrets. */
    db = tillroll_open(path, NULL, &err);
    CHECK_OK(tillroll_error_code(err));
    CHECK_FAILS(tillroll_record_create(db, "external_accounts", account, NULL, &err), TILLROLL_VAULT);
    CHECK_FAILS(tillroll_set_passphrase(db, NULL, &err), TILLROLL_VAULT);
    check_free(&err);
    tillroll_close(db);

    options.passphrase = "open sesame";
    db = tillroll_open(path, &options, &err);
    CHECK_OK(tillroll_error_code(err));
    CHECK_OK(tillroll_record_create(db, "external_accounts", account, NULL, &err));
    CHECK_OK(tillroll_set_passphrase(db, NULL, &err));
    tillroll_close(db);
    db = tillroll_open(path, NULL, &err);
    CHECK_OK(tillroll_record_create(db, "external_accounts", account, NULL, &err));
    tillroll_close(db);
}

static void refuses_misuse(const char *path) {
    tillroll_error *err = NULL;
    tillroll_open_options options = TILLROLL_OPEN_OPTIONS_INIT;
    struct {
        tillroll_open_options known;
        uint64_t later;
    } longer = {TILLROLL_OPEN_OPTIONS_INIT, 0};
    tillroll_db *db = NULL;
    char *json = NULL;
    struct ArrowArrayStream stream;

    CHECK(tillroll_open(NULL, NULL, &err) == NULL);
    CHECK_CODE(TILLROLL_MISUSE);
    CHECK_TEXT(tillroll_error_message(err), "path must not be NULL");
    check_free(&err);
    CHECK(tillroll_open("\xff\xfe", NULL, &err) == NULL);
    CHECK_CODE(TILLROLL_MISUSE);
    check_free(&err);

    /* Options of no version, and of a later one, which may ask for what this one cannot do. */
    options.size = 0;
    CHECK(tillroll_open(path, &options, &err) == NULL);
    CHECK_CODE(TILLROLL_MISUSE);
    check_free(&err);
    longer.known.size = sizeof longer;
    longer.later = 1;
    CHECK(tillroll_open(path, &longer.known, &err) == NULL);
    CHECK_CODE(TILLROLL_MISUSE);
    check_free(&err);
    longer.later = 0;
    db = tillroll_open(path, &longer.known, &err);
    CHECK_OK(tillroll_error_code(err));

    memset(&stream, 0xff, sizeof stream);
    CHECK_FAILS(tillroll_sales_scan(NULL, NULL, &stream, &err), TILLROLL_MISUSE);
    check_free(&err);
    CHECK(stream.release == NULL);
    json = (char *)(void *)&options;
    CHECK_FAILS(tillroll_record_get(db, NULL, "1", &json, &err), TILLROLL_MISUSE);
    check_free(&err);
    CHECK(json == NULL);
    CHECK_FAILS(tillroll_record_get(db, "external_accounts", NULL, NULL, &err), TILLROLL_MISUSE);
    CHECK_TEXT(tillroll_error_message(err), "id must not be NULL");
    check_free(&err);
    CHECK_FAILS(tillroll_record_count(db, "external_accounts", NULL, &err), TILLROLL_MISUSE);
    check_free(&err);
    CHECK_FAILS(tillroll_sales_report(db, NULL, NULL, &err), TILLROLL_MISUSE);
    check_free(&err);

    /* Where nobody wants the error, the code tells. */
    CHECK_INT(tillroll_sales_count(db, NULL, NULL), TILLROLL_MISUSE);
    CHECK(tillroll_open(NULL, NULL, NULL) == NULL);
    tillroll_close(db);
}

static void copies(const char *path, const char *folder) {
    tillroll_error *err = NULL;
    tillroll_db *db = tillroll_open(path, NULL, &err);
    char *copy = path_in(folder, "copy");
    char *restored = path_in(folder, "restored.till");
    char *json = NULL;
    uint64_t before = 0;
    uint64_t after = 1;

    CHECK_OK(tillroll_record_count(db, "external_accounts", &before, &err));
    CHECK_OK(tillroll_compact(db, &err));
    CHECK_OK(tillroll_backup(db, copy, &err));
    CHECK_FAILS(tillroll_backup(db, copy, &err), TILLROLL_CONFLICT);
    check_free(&err);
    CHECK_FAILS(tillroll_check_path(path, &json, &err), TILLROLL_LOCKED);
    check_free(&err);
    tillroll_close(db);
    CHECK_OK(tillroll_restore(copy, restored, &err));
    CHECK_OK(tillroll_check_path(restored, &json, &err));
    CHECK_TEXT(json, "{\"ok\":true,\"problems\":[]}");
    tillroll_string_free(json);
    CHECK_OK(tillroll_repair(restored, &json, &err));
    CHECK_TEXT(json, "{\"ok\":true,\"changed\":false,\"incomplete\":false,\"lost\":[],\"uncertain\":[],\"moved\":[],\"notes\":[]}");
    tillroll_string_free(json);
    CHECK_FAILS(tillroll_repair(folder, &json, &err), TILLROLL_NOT_FOUND);
    check_free(&err);
    CHECK_FAILS(tillroll_repair(NULL, &json, &err), TILLROLL_MISUSE);
    check_free(&err);
    db = tillroll_open(restored, NULL, &err);
    CHECK_FAILS(tillroll_repair(restored, &json, &err), TILLROLL_LOCKED);
    check_free(&err);
    CHECK_OK(tillroll_record_count(db, "external_accounts", &after, &err));
    CHECK(before > 0 && after == before);
    tillroll_close(db);
    CHECK_FAILS(tillroll_restore(folder, path, &err), TILLROLL_NOT_FOUND);
    check_free(&err);
    CHECK_FAILS(tillroll_backup(NULL, copy, &err), TILLROLL_MISUSE);
    check_free(&err);
    CHECK_FAILS(tillroll_restore(NULL, path, &err), TILLROLL_MISUSE);
    check_free(&err);
    free(copy);
    free(restored);
}

static void reads_no_error(void) {
    CHECK_INT(tillroll_error_code(NULL), TILLROLL_OK);
    CHECK_TEXT(tillroll_error_message(NULL), "");
    CHECK(tillroll_error_path(NULL) == NULL);
    CHECK_INT(tillroll_error_line(NULL), 0);
    CHECK(tillroll_error_fields(NULL) == NULL);
    CHECK(tillroll_error_failures(NULL) == NULL);
    tillroll_error_free(NULL);
    tillroll_string_free(NULL);
}

int main(int argc, char **argv) {
    char *path = NULL;
    CHECK_INT(argc, 2);
    path = path_in(argv[1], "shop.till");
    opens_and_closes(path);
    opens_for_reading(path);
    keeps_secrets(path);
    refuses_misuse(path);
    copies(path, argv[1]);
    reads_no_error();
    free(path);
    return 0;
}
