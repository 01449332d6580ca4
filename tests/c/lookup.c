/* Products that a program looks up: found, not found, failed, not waited for, and who frees what. */

#include <pthread.h>

#include "check.h"

/* A store that has one product, and what was asked of it. */
typedef struct shop {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *answer;
    int32_t code;
    int asked;
    int released;
    /* Whether a lookup waits until it is told to go on. */
    int waits;
} shop;

static void set_waits(shop *at, int waits) {
    pthread_mutex_lock(&at->lock);
    at->waits = waits;
    pthread_cond_broadcast(&at->changed);
    pthread_mutex_unlock(&at->lock);
}

static int32_t ask(const char *store, const char *id_in_store, tillroll_lookup *lookup, void *user_data) {
    shop *at = (shop *)user_data;
    tillroll_error *err = NULL;
    CHECK_TEXT(store, "amazon_appstore");
    CHECK(strncmp(id_in_store, "go", 2) == 0);
    pthread_mutex_lock(&at->lock);
    at->asked++;
    while (at->waits) {
        pthread_cond_wait(&at->changed, &at->lock);
    }
    pthread_mutex_unlock(&at->lock);
    if (at->answer != NULL) {
        CHECK_FAILS(tillroll_lookup_found(lookup, "[]", &err), TILLROLL_VALIDATION);
        CHECK_FAILS(tillroll_lookup_found(lookup, "{", &err), TILLROLL_VALIDATION);
        CHECK_FAILS(tillroll_lookup_found(lookup, NULL, &err), TILLROLL_MISUSE);
        CHECK_FAILS(tillroll_lookup_found(NULL, "{}", &err), TILLROLL_MISUSE);
        check_free(&err);
        CHECK_OK(tillroll_lookup_found(lookup, at->answer, &err));
    }
    return at->code;
}

static void release(void *user_data) {
    shop *at = (shop *)user_data;
    pthread_mutex_lock(&at->lock);
    at->released++;
    pthread_cond_broadcast(&at->changed);
    pthread_mutex_unlock(&at->lock);
}

static void wait_released(shop *at, int times) {
    pthread_mutex_lock(&at->lock);
    while (at->released < times) {
        pthread_cond_wait(&at->changed, &at->lock);
    }
    pthread_mutex_unlock(&at->lock);
    CHECK_INT(at->released, times);
}

static void found_once(tillroll_db *db, shop *at) {
    tillroll_error *err = NULL;
    char *json = NULL;

    at->answer = "{\"name\":\"Go\"}";
    CHECK_OK(tillroll_products_get_by_store(db, "amazon", "go", ask, at, release, 60000, &json, &err));
    CHECK_HAS(json, "{\"id\":1,\"name\":\"Go\"");
    CHECK_HAS(json, "\"vendor_identifier\":\"go\"");
    tillroll_string_free(json);
    wait_released(at, 1);
    /* It is stored now: nobody is asked, and the data is given back all the same. */
    CHECK_OK(tillroll_products_get_by_store(db, "amazon", "go", ask, at, release, 60000, &json, &err));
    CHECK_HAS(json, "{\"id\":1,");
    tillroll_string_free(json);
    wait_released(at, 2);
    CHECK_OK(tillroll_products_get_by_store(db, "amazon", "go", NULL, NULL, NULL, 0, NULL, &err));
    CHECK_INT(at->asked, 1);
}

static void not_found(tillroll_db *db, shop *at) {
    tillroll_error *err = NULL;
    char *json = NULL;

    at->answer = NULL;
    CHECK_FAILS(tillroll_products_get_by_store(db, "amazon", "go2", ask, at, release, 60000, &json, &err),
                TILLROLL_NOT_FOUND);
    CHECK(json == NULL);
    CHECK_FAILS(tillroll_products_get_by_store(db, "amazon", "go2", NULL, at, release, 60000, &json, &err),
                TILLROLL_NOT_FOUND);
    at->code = 7;
    CHECK_FAILS(tillroll_products_get_by_store(db, "amazon", "go2", ask, at, release, 60000, &json, &err),
                TILLROLL_IO);
    CHECK_HAS(tillroll_error_message(err), "the lookup gave 7");
    at->code = 0;
    at->answer = "{\"name\":\"Chess\",\"vendor_identifier\":\"chess\"}";
    CHECK_FAILS(tillroll_products_get_by_store(db, "amazon", "go2", ask, at, release, 60000, &json, &err),
                TILLROLL_VALIDATION);
    wait_released(at, 6);
    CHECK_FAILS(tillroll_products_get_by_store(db, "corner", "go2", ask, at, release, 60000, &json, &err),
                TILLROLL_VALIDATION);
    CHECK_FAILS(tillroll_products_get_by_store(NULL, "amazon", "go2", ask, at, release, 60000, &json, &err),
                TILLROLL_MISUSE);
    CHECK_FAILS(tillroll_products_get_by_store(db, NULL, "go2", ask, at, release, 60000, &json, &err),
                TILLROLL_MISUSE);
    CHECK_FAILS(tillroll_products_get_by_store(db, "amazon", NULL, ask, at, release, 60000, &json, &err),
                TILLROLL_MISUSE);
    check_free(&err);
    wait_released(at, 10);
}

static void pending(tillroll_db *db, shop *at) {
    tillroll_error *err = NULL;
    char *json = NULL;

    at->answer = "{\"name\":\"Go 3\",\"price\":null}";
    set_waits(at, 1);
    CHECK_FAILS(tillroll_products_get_by_store(db, "amazon", "go3", ask, at, release, 0, &json, &err),
                TILLROLL_PENDING);
    CHECK(json == NULL);
    /* Who asks meanwhile waits for the same lookup. */
    CHECK_FAILS(tillroll_products_get_by_store(db, "amazon", "go3", ask, at, release, 1, &json, &err),
                TILLROLL_PENDING);
    check_free(&err);
    set_waits(at, 0);
    wait_released(at, 12);
    CHECK_OK(tillroll_products_get_by_store(db, "amazon", "go3", ask, at, NULL, 60000, &json, &err));
    CHECK_HAS(json, "\"name\":\"Go 3\"");
    tillroll_string_free(json);
}

/* One that outlives the database has nowhere to store what it finds, and harms nothing. */
static void closed(tillroll_db *db, shop *at) {
    tillroll_error *err = NULL;

    set_waits(at, 1);
    CHECK_FAILS(tillroll_products_get_by_store(db, "amazon", "go4", ask, at, release, 0, NULL, &err),
                TILLROLL_PENDING);
    check_free(&err);
    tillroll_close(db);
    set_waits(at, 0);
    wait_released(at, 1);
}

static tillroll_db *open_at(const char *path) {
    tillroll_error *err = NULL;
    tillroll_db *db = tillroll_open(path, NULL, &err);
    CHECK_OK(tillroll_error_code(err));
    return db;
}

int main(int argc, char **argv) {
    shop at = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0, 0, 0, 0};
    tillroll_db *db = NULL;
    char *path = NULL;
    CHECK_INT(argc, 2);
    path = path_in(argv[1], "shop.till");
    closed(open_at(path), &at);
    at.asked = at.released = 0;
    db = open_at(path);
    found_once(db, &at);
    not_found(db, &at);
    pending(db, &at);
    tillroll_close(db);
    free(path);
    return 0;
}
