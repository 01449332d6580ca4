/* What there is to fetch, and what signs in at the stores. */

#include "check.h"

static tillroll_db *shop;

static void credentials(void) {
    tillroll_error *err = NULL;
    char *json = NULL;

    CHECK_OK(tillroll_record_call(shop, "external_accounts", "has_credentials", "{\"id\":1}", &json, &err));
    CHECK_TEXT(json, "false");
    tillroll_string_free(json);
    CHECK_FAILS(tillroll_record_call(shop, "external_accounts", "set_credentials",
                                     "{\"id\":1,\"credentials\":{\"client_id\":\"c\"}}", &json, &err),
                TILLROLL_VALIDATION);
    CHECK_HAS(tillroll_error_message(err), "credentials.client_secret");
    check_free(&err);
    CHECK_OK(tillroll_record_call(shop, "external_accounts", "set_credentials",
                                  "{\"id\":1,\"credentials\":{\"client_id\":\"c\",\"client_secret\":\"s\"}}", NULL, &err));
    CHECK_OK(tillroll_record_call(shop, "external_accounts", "reveal_credentials", "{\"id\":1}", &json, &err));
    CHECK_TEXT(json, "{\"client_id\":\"c\",\"client_secret\":\"s\"}");
    memset(json, 0, strlen(json));
    tillroll_string_free(json);
}

static void plans(void) {
    static const char spring[] = "{\"now\":\"2018-03-02T00:00:00Z\"}";
    tillroll_error *err = NULL;
    char *json = NULL;

    CHECK_OK(tillroll_sales_mark_empty(shop, 1, "amazon-sales", "2018-01", &err));
    CHECK_OK(tillroll_sync_plan(shop, spring, &json, &err));
    CHECK_HAS(json, "[{\"account\":1,");
    CHECK_HAS(json, "\"period\":\"2018-01\"");
    CHECK_HAS(json, "\"reason\":\"restated\"");
    CHECK_HAS(json, "\"last_day\":\"2018-02-28\"");
    tillroll_string_free(json);
    /* From January's time of restating nothing follows; what was seen behind it settles the month. */
    CHECK_OK(tillroll_sales_mark_fetched(shop, 1, "amazon-sales", "2018-01", "2018-02-20T00:00:00Z", &err));
    CHECK_OK(tillroll_sync_plan(shop, "{\"now\":\"2018-03-02T00:00:00Z\",\"since\":\"2018-01\"}", &json, &err));
    CHECK_HAS(json, "\"restated\"");
    tillroll_string_free(json);
    CHECK_OK(tillroll_sales_mark_fetched(shop, 1, "amazon-sales", "2018-01", "2018-03-01T00:00:00Z", &err));
    CHECK_OK(tillroll_sync_plan(shop, spring, &json, &err));
    CHECK(strstr(json, "restated") == NULL);
    tillroll_string_free(json);
    CHECK_OK(tillroll_sales_mark_lost(shop, 1, "amazon-sales", "2018-02", &err));
    CHECK_OK(tillroll_sync_plan(shop, spring, &json, &err));
    CHECK(strstr(json, "2018-02-28") == NULL);
    tillroll_string_free(json);
    CHECK_OK(tillroll_sync_plan(shop, NULL, NULL, &err));
    CHECK_FAILS(tillroll_sync_plan(shop, "{\"now\":\"soon\"}", &json, &err), TILLROLL_VALIDATION);
    CHECK(json == NULL);
    CHECK_FAILS(tillroll_sync_plan(shop, "{\"accounts\":[9]}", &json, &err), TILLROLL_NOT_FOUND);
    CHECK_FAILS(tillroll_sync_plan(NULL, NULL, &json, &err), TILLROLL_MISUSE);
    CHECK_FAILS(tillroll_sales_mark_fetched(shop, 1, "amazon-sales", "2018-02", NULL, &err), TILLROLL_NOT_FOUND);
    CHECK_FAILS(tillroll_sales_mark_fetched(shop, 1, "apple-sales", "2018-02", NULL, &err), TILLROLL_VALIDATION);
    CHECK_FAILS(tillroll_sales_mark_lost(shop, 9, "amazon-sales", "2018-02", &err), TILLROLL_NOT_FOUND);
    check_free(&err);
}

int main(int argc, char **argv) {
    tillroll_error *err = NULL;

    CHECK_INT(argc, 2);
    shop = open_shop(argv[1]);
    CHECK_OK(tillroll_record_update(shop, "external_accounts", "1", "{\"auto_import\":true}", NULL, &err));
    credentials();
    plans();
    tillroll_close(shop);
    return 0;
}
