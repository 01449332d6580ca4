/* Every member of tillroll.hpp: what is given in C++ is what C says, errors are exceptions, and nothing is left behind. */

#include "tillroll.hpp"

#include <algorithm>
#include <cerrno>
#include <future>
#include <thread>
#include <type_traits>
#if __cplusplus >= 202002L
#include <ranges>
#endif

#include "check.h"

namespace {

using tillroll::error_kind;

/* Texts that are no C strings. */
void check_same(std::string_view got, std::string_view wanted, const char *what, int line) {
    if (got != wanted) {
        fprintf(stderr, "got %s\nwanted %s\n", std::string(got).c_str(), std::string(wanted).c_str());
        check_stop(what, __FILE__, line);
    }
}
#define CHECK_SAME(got, wanted) check_same((got), (wanted), #got, __LINE__)

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/* What a call throws, which must be an error of this kind. */
template <class Call> tillroll::error thrown(error_kind kind, Call call) {
    try {
        call();
    } catch (const tillroll::error &failed) {
        fprintf(stderr, "%s\n", failed.what());
        CHECK_INT(failed.kind(), kind);
        return failed;
    }
    check_stop("nothing was thrown", __FILE__, __LINE__);
    throw std::logic_error("not reached");
}

static_assert(!std::is_copy_constructible_v<tillroll::db> && !std::is_copy_assignable_v<tillroll::db>);
static_assert(!std::is_copy_constructible_v<tillroll::stream> && !std::is_copy_constructible_v<tillroll::batch>);
static_assert(std::is_nothrow_move_constructible_v<tillroll::db> && std::is_nothrow_move_assignable_v<tillroll::db>);
static_assert(std::is_nothrow_move_constructible_v<tillroll::stream>);
static_assert(std::is_nothrow_move_assignable_v<tillroll::stream>);
static_assert(std::is_nothrow_move_constructible_v<tillroll::batch>);
static_assert(std::is_nothrow_move_assignable_v<tillroll::batch>);
static_assert(std::is_nothrow_copy_constructible_v<tillroll::error>);
static_assert(!std::is_copy_constructible_v<tillroll::detail::c_texts>);

/* A range that gives what its iterator returns. */
template <class Text> struct giving {
    struct iterator : tillroll::detail::input_iterator<Text, Text> {
        Text operator*() const;
        iterator &operator++();
        bool operator!=(const iterator &other) const;
    };
    iterator begin() const;
    iterator end() const;
};
template <class Range> constexpr bool is_taken = std::is_constructible_v<tillroll::texts, const Range &>;
static_assert(is_taken<std::vector<std::string>> && is_taken<std::vector<const char *>>);
static_assert(is_taken<giving<const std::string &>> && is_taken<giving<std::string_view>>);
static_assert(is_taken<giving<const char *>>);
static_assert(!is_taken<giving<std::string>> && !is_taken<giving<const std::string>>);
static_assert(!is_taken<giving<std::string &&>>);
#if __cplusplus >= 202002L
static_assert(std::input_iterator<tillroll::batch::iterator> && std::ranges::input_range<const tillroll::batch>);
static_assert(std::input_iterator<tillroll::stream::iterator> && std::ranges::input_range<tillroll::stream>);
static_assert(std::ranges::input_range<tillroll::stream::batch_range>);
#endif
static_assert(std::is_same_v<tillroll::moment::period, std::micro>);

void versions() {
    CHECK_SAME(tillroll::version(), TILLROLL_VERSION);
    CHECK_INT(tillroll::version_number(), TILLROLL_VERSION_NUMBER);
}

void arguments() {
    const std::vector<std::string> some = {"a", "b"};
    const std::string one = "a";
    CHECK_INT(tillroll::texts("a").size(), 1);
    CHECK_INT(tillroll::texts(one).size(), 1);
    CHECK_INT(tillroll::texts(std::string_view(one)).size(), 1);
    CHECK_INT(tillroll::texts({"a", "b", one}).size(), 3);
    const tillroll::texts listed(some);
    CHECK_INT(listed.size(), 2);
    CHECK_SAME(*listed.begin(), "a");
    CHECK(listed.begin() + 2 == listed.end());

    CHECK_INT(tillroll::record_id(7).number(), 7);
    CHECK_SAME(tillroll::record_id(7).text(), "7");
    CHECK_INT(tillroll::record_id("18446744073709551615").number(), -1);
    CHECK_SAME(tillroll::record_id(std::string_view("a-b")).text(), "a-b");
    CHECK_SAME(tillroll::record_id(one).text(), "a");
    for (const char *none : {"", "0", "18446744073709551616", "-1", "7a", " 7"}) {
        thrown(error_kind::not_found, [&] { tillroll::record_id(none).number(); });
    }
    thrown(error_kind::not_found, [] { tillroll::record_id(-7).number(); });

    const tillroll::record record("{\"id\":12,\"name\":\"x\"}");
    CHECK_INT(record.id().number(), 12);
    CHECK_SAME(tillroll::record("{\"id\":\"a-b\",\"name\":\"x\"}").id().text(), "a-b");
    thrown(error_kind::misuse, [] { tillroll::record("[]").id(); });
    CHECK(record.id().is_number() && !tillroll::record_id("12").is_number());
    const tillroll::record card(R"({"created":"2018-03-01","code":"a\"\\b\n\u001f\u0007}","balance":"1.50"})");
    CHECK_SAME(card.id().text(), "a\"\\b\n\x1f\a}");
    thrown(error_kind::misuse, [] { tillroll::record(R"({"code":"\u00e9"})").id(); });
    thrown(error_kind::misuse, [] { tillroll::record(R"({"code":"\u001)").id(); });
    thrown(error_kind::misuse, [] { tillroll::record(R"({"code":"\)").id(); });

    const tillroll::argument number(7), yes(true), text("a\"\\\n\x01"), id(tillroll::record_id("a-b")), list(some);
    CHECK_SAME(number.json() + yes.json() + text.json(), "7true\"a\\\"\\\\\\u000a\\u0001\"");
    CHECK_SAME(id.json() + list.json(), "\"a-b\"[\"a\",\"b\"]");
    CHECK_SAME(tillroll::argument(std::string_view("x")).json() + tillroll::argument(one).json(), "\"x\"\"a\"");

    CHECK_SAME(tillroll::query().json(), "{}");
    const auto asked = tillroll::query().by("month").measures({"units", "rows"}).order_by("-units").limit(20);
    CHECK_SAME(asked.json(), R"({"by":["month"],"measures":["units","rows"],"order_by":["-units"],"limit":20})");
    const auto where = tillroll::query().columns(some).where("sku", {"x", one}).where("account", 1).combine_inapps(true);
    CHECK_SAME(where.json(), R"({"columns":["a","b"],"sku":["x","a"],"account":1,"combine_inapps":true})");
    const auto listing = tillroll::query().page(2).page_size(7).sort("id-desc").filter("eq(a,b)").expand({"c"});
    CHECK_SAME(listing.json(), R"-({"page":2,"page_size":7,"sort":"id-desc","filter":"eq(a,b)","expand":["c"]})-");
    const auto ids = tillroll::query().where("product", {record.id(), tillroll::record_id(3)}).where("include_inapps", true);
    CHECK_SAME(ids.json(), R"({"product":[12,3],"include_inapps":true})");
    const tillroll::argument digits(tillroll::record("{\"code\":\"0012\"}").id());
    CHECK_SAME(digits.json(), "\"0012\"");
}

void amounts() {
    CHECK_SAME(tillroll::money(0, 0).to_string(), "0.00");
    CHECK_SAME(tillroll::money(0, 4490000).to_string(), "4.49");
    CHECK_SAME(tillroll::money(-1, static_cast<std::uint64_t>(-3000)).to_string(), "-0.003");
    CHECK_SAME(tillroll::money(0, 6986543).to_string(), "6.986543");
    CHECK_SAME(tillroll::money(0, 1200000000).to_string(), "1200.00");
    CHECK_SAME(tillroll::money(INT64_MAX, UINT64_MAX).to_string(), "170141183460469231731687303715884.105727");
    CHECK_SAME(tillroll::money(INT64_MIN, 0).to_string(), "-170141183460469231731687303715884.105728");
    CHECK_INT(*tillroll::money(-1, static_cast<std::uint64_t>(-3000)).micros(), -3000);
    CHECK(!tillroll::money(1, 0).micros() && !tillroll::money(0, UINT64_MAX).micros());
    const tillroll::money less(-1, 5), more(0, 4);
    CHECK_INT(less.high(), -1);
    CHECK_INT(less.low(), 5);
    CHECK(less < more && !(more < less) && less != more && less == tillroll::money(-1, 5) && !(less < less));
}

void days() {
    const std::pair<std::int32_t, const char *> known[] = {{0, "1970-01-01"}, {-1, "1969-12-31"}, {17591, "2018-03-01"},
                                                           {11016, "2000-02-29"}, {-719468, "0000-03-01"}};
    for (const auto &[count, text] : known) CHECK_SAME(tillroll::date::from_days(count).to_string(), text);
    const tillroll::date day = tillroll::date::from_days(17591);
    CHECK(day.year == 2018 && day.month == 3 && day.day == 1);
    CHECK(day == tillroll::date::from_days(17591) && day != tillroll::date::from_days(17592));
}

void opens(const std::string &path) {
    tillroll::open_options how;
    how.create = false;
    const auto missing = thrown(error_kind::not_found, [&] { tillroll::db none(path, how); });
    CHECK(missing.line() == 0 && missing.fields().empty() && missing.failures().empty());
    how.create = true;
    how.threads = 2;
    how.cache_bytes = 1 << 20;
    tillroll::db shop(path, how);
    CHECK_SAME(thrown(error_kind::locked, [&] { tillroll::db second(path); }).path(), path);

    tillroll::db moved(std::move(shop));
    CHECK(!shop && moved && shop.get() == nullptr);
    thrown(error_kind::closed, [&] { shop.sales(); });
    thrown(error_kind::closed, [&] { shop.products(); });
    shop.cancel();
    tillroll::db again(moved.release());
    CHECK(again.get() != nullptr);
    shop = std::move(again);
    shop.close();
    shop.close();
    thrown(error_kind::closed, [&] { shop.check(); });

    how.read_only = true;
    const tillroll::db reading(path, how);
    thrown(error_kind::access, [&] { reading.brands().create("{\"name\":\"x\"}"); });
    CHECK_INT(reading.sales().count(), 0);
    const std::string_view cut("a\0b", 3);
    CHECK_SAME(thrown(error_kind::misuse, [&] { tillroll::db none(cut); }).what(), "a text has a NUL behind 'a'");
}

void secrets(const std::string &path) {
    const char *account = R"({"nickname":"a","store":"apple","password":"p455w0rd!"})";
    tillroll::db shop(path);
    shop.set_passphrase("open sesame");
    CHECK(!has(shop.external_accounts().create(account).json(), "p455w0rd!"));
    shop.close();
    shop = tillroll::db(path);
    thrown(error_kind::vault, [&] { shop.external_accounts().create(account); });
    shop.close();
    tillroll::open_options how;
    how.passphrase = "open sesame";
    shop = tillroll::db(path, how);
    shop.set_passphrase(std::nullopt);
    shop.close();
    CHECK_INT(tillroll::db(path).external_accounts().create(account).id().number(), 2);
}

void records(const tillroll::db &shop) {
    const auto accounts = shop.external_accounts();
    const auto made = accounts.create("{\"nickname\":\"Amazon apps\",\"store\":\"amazon\"}");
    CHECK_INT(made.id().number(), 1);
    CHECK_SAME(accounts.get(made.id()).json(), made.json());
    CHECK_SAME(accounts.get(1).json(), accounts.get("1").json());
    CHECK(has(accounts.update(1, "{\"auto_import\":true}").json(), "\"auto_import\":true"));
    const auto second = accounts.create("{\"nickname\":\"b\",\"store\":\"apple\"}");
    CHECK(has(accounts.list(tillroll::query().sort("id-desc").page_size(1)), "\"page_count\":2,\"item_count\":2}"));
    CHECK(has(accounts.list("{\"store\":\"apple\"}"), "\"item_count\":1}"));
    CHECK(has(accounts.list(), "\"page_size\":50,"));
    accounts.erase(second.id());
    CHECK_INT(accounts.count(), 1);
    CHECK_SAME(accounts.call("count"), "1");
    CHECK(has(accounts.call("get", "{\"id\":1}"), "{\"id\":1,"));
    CHECK(has(thrown(error_kind::validation, [&] { accounts.create("{}"); }).fields(), "\"store\":[\"is required\"]"));
    thrown(error_kind::not_found, [&] { accounts.get(77); });
    thrown(error_kind::not_found, [&] { shop.collection("nothings").count(); });
    thrown(error_kind::validation, [&] { accounts.call("drop"); });

    const auto group = shop.accounts().create("{\"name\":\"Group\"}");
    CHECK_INT(group.id().text().size(), 36);
    CHECK_SAME(shop.accounts().get(group.id()).id().text(), group.id().text());
    const auto card = shop.gift_cards().create("{\"code\":\"DTGZRVGGYPS2YMNC\",\"balance\":1.5}");
    CHECK_SAME(shop.gift_cards().get(card.id()).json(), card.json());
    const tillroll::collection all[] = {
        shop.external_accounts(), shop.accounts(), shop.customers(), shop.customer_groups(), shop.subscribers(),
        shop.gift_cards(), shop.products(), shop.brands(), shop.categories(), shop.campaigns(), shop.banner_groups(),
        shop.banners()};
    std::uint64_t count = 0;
    for (const auto &one : all) count += one.count();
    CHECK_INT(count, 3);
    CHECK(has(shop.stores(), "\"amazon_appstore\""));
}

void imports(const tillroll::db &shop, const std::string &report, const std::string &broken) {
    CHECK_SAME(tillroll::sniff(report), "amazon-sales");
    thrown(error_kind::format, [&] { tillroll::sniff(broken); });
    const auto sales = shop.sales();
    std::uint64_t seen = 0;
    tillroll::import_options how;
    how.kind = "amazon-sales";
    how.period = "2018-03";
    how.threads = 2;
    how.keep_personal = true;
    how.progress = [&](const tillroll::import_progress &far) { return seen = far.files_total, true; };
    const tillroll::import_summary done = sales.import_reports(report, 1, how);
    CHECK(done.files == 1 && done.rows == 4 && done.rejected == 1 && done.unchanged == 0 && seen == 1);
    CHECK_INT(sales.import_reports({report}, "1", how).unchanged, 1);

    how.force = true;
    how.progress = [](const tillroll::import_progress &) { return false; };
    thrown(error_kind::cancelled, [&] { sales.import_reports(report, 1, how); });
    how.progress = [&](const tillroll::import_progress &) { return shop.cancel(), true; };
    thrown(error_kind::cancelled, [&] { sales.import_reports(report, 1, how); });
    how.progress = [](const tillroll::import_progress &) -> bool { throw std::out_of_range("of the callback"); };
    try {
        sales.import_reports(report, 1, how);
        check_stop("nothing was thrown", __FILE__, __LINE__);
    } catch (const std::out_of_range &own) {
        CHECK_SAME(own.what(), "of the callback");
    }

    /* At the end there is nothing to cancel any more, but nothing is lost either. */
    how.progress = [](const tillroll::import_progress &far) -> bool {
        if (far.files_done == far.files_total) throw std::out_of_range("at the end");
        return true;
    };
    try {
        sales.import_reports(report, 1, how);
        check_stop("nothing was thrown", __FILE__, __LINE__);
    } catch (const std::out_of_range &own) {
        CHECK_SAME(own.what(), "at the end");
    }
    CHECK_INT(sales.count(), 4);

    how = {};
    how.force = true;
    how.on_reject = tillroll::on_reject::fail;
    const auto refused = thrown(error_kind::format, [&] { sales.import_reports(report, 1, how); });
    CHECK_SAME(refused.path(), report);
    CHECK_INT(refused.line(), 5);
    how.on_reject = tillroll::on_reject::keep;
    try {
        sales.import_reports(std::vector<std::string>{broken, report}, 1, how);
        check_stop("nothing was thrown", __FILE__, __LINE__);
    } catch (const tillroll::import_error &failed) {
        CHECK_INT(failed.summary().files, 1);
        CHECK_INT(failed.summary().rows, 4);
        CHECK(has(failed.failures(), broken));
    }
    thrown(error_kind::not_found, [&] { sales.import_reports(report, 99); });
    thrown(error_kind::not_found, [&] { sales.import_reports(report, "0"); });
}

void lines(const tillroll::sales &sales) {
    const auto query = tillroll::query().by({"month", "currency"}).measures({"units", "sales", "earnings"});
    std::string printed;
    for (auto line : sales.report(query)) {
        for (std::size_t i = 0; i < line.size(); i++) printed += line[i].to_string() + " ";
        CHECK(line["month"].date() == tillroll::date::from_days(17591));
        CHECK_INT(*line["earnings"].money().micros(), line["currency"].text() == "EUR" ? 4170000 : 6986543);
    }
    CHECK_SAME(printed, "2018-03-01 EUR 3 5.97 4.17 2018-03-01 USD 2 9.98 6.986543 ");
    for (auto line : sales.report()) CHECK_INT(line["units"].integer(), 5);
    auto rows = sales.report(tillroll::query().by("sku"));
    CHECK_INT(std::count_if(rows.begin(), rows.end(), [](auto line) { return line["units"].integer() > 0; }), 2);
    std::size_t count = 0;
    for (auto line : sales.report(R"({"by":"sku","sku":"none"})")) count += line.size();
    CHECK_INT(count, 0);

    auto stream = sales.report(tillroll::query().by("sku"));
    const auto line = *stream.begin();
    thrown(error_kind::not_found, [&] { line["colour"]; });
    thrown(error_kind::not_found, [&] { line[2]; });
    thrown(error_kind::misuse, [&] { line["sku"].integer(); });
    thrown(error_kind::misuse, [&] { line["units"].text(); });
    thrown(error_kind::misuse, [&] { line["units"].money(); });
    thrown(error_kind::misuse, [&] { line["units"].date(); });
    thrown(error_kind::misuse, [&] { line["units"].time(); });
    thrown(error_kind::misuse, [&] { line["units"].bytes(); });
    auto next = stream.begin();
    next++;
    CHECK((*next)["sku"].text() == "coins");
    CHECK(stream.begin() != stream.end() && !(stream.begin() == stream.end()));
    CHECK(has(thrown(error_kind::validation, [&] { sales.report("{\"measures\":\"earnings\"}"); }).what(), "currency"));
}

void batches(const tillroll::sales &sales) {
    const auto columns = tillroll::query().columns({"sku", "time", "units", "earnings", "invoice_id"});
    std::int64_t units = 0;
    std::string first;
    for (auto &batch : sales.scan(columns).batches()) {
        const auto sold = batch.column("units"), skus = batch.column(0), invoices = batch.column("invoice_id");
        CHECK_INT(batch.width(), 5);
        CHECK_SAME(skus.name(), "sku");
        CHECK_SAME(sold.format(), "l");
        CHECK_INT(skus.size(), batch.size());
        for (std::size_t row = 0; row < batch.size(); row++) units += sold.integer(row);
        for (auto line : batch) first += std::string(line["sku"].text()) + " " + line["time"].to_string() + " ";
        CHECK(batch[0]["invoice_id"].is_null() && invoices.is_null(0) && !sold.is_null(0));
        CHECK_SAME(invoices.to_string(0), "");
        thrown(error_kind::misuse, [&] { invoices.text(0); });
        thrown(error_kind::misuse, [&] { sold.integer(batch.size()); });
        thrown(error_kind::not_found, [&] { batch.column(9); });
        CHECK_INT(batch.column("time").time(0).time_since_epoch().count(), 1520247600000000);
        CHECK(batch.column("time").time(0) == batch[0]["time"].time());
        CHECK(batch.column("earnings").money(0) == tillroll::money(0, 1390000));
        CHECK_SAME(skus.text(0), "app");
        CHECK_SAME(batch.column("earnings").to_string(1), "-1.39");
        auto at = batch.begin();
        CHECK((*at++)["units"].integer() == 1 && (*at)["units"].integer() == -1 && ++at != batch.end());
        CHECK_INT(batch.array().n_children, batch.schema().n_children);
    }
    CHECK_INT(units, 5);
    CHECK_SAME(first.substr(0, 25), "app 2018-03-05T11:00:00Z ");

    auto stream = sales.scan("{\"columns\":[\"date\"]}");
    CHECK_SAME(stream.schema().children[0]->name, "date");
    auto range = stream.batches();
    auto at = range.begin();
    CHECK(at != range.end() && !(at == range.end()));
    CHECK(at->column("date").date(0) == tillroll::date::from_days(17595));
    tillroll::batch kept(std::move(*at));
    at++;
    CHECK(at == range.end() && !stream.next());
    tillroll::batch other(std::move(kept));
    kept = std::move(other);
    thrown(error_kind::misuse, [&] { other.schema(); });
    ArrowArray array = kept.release();
    CHECK_INT(array.length, 4);
    CHECK_INT(kept.size(), 0);
    array.release(&array);

    auto ids = sales.scan(tillroll::query().columns("transaction_id").binary_ids(true));
    CHECK_SAME(ids.schema().children[0]->format, "w:16");
    CHECK(has(thrown(error_kind::validation, [&] { ids.next(); }).what(), "\"t1\" is no UUID"));
    thrown(error_kind::validation, [&] { ids.next(); });
}

/* What the structures of these types can hold beyond what a report of these few rows has. */
void columns() {
    std::int64_t times[] = {-1, 1520247600000000, 1520247600120000, 0};
    std::uint8_t valid = 7;
    const void *buffers[] = {&valid, times};
    ArrowArray array = {};
    ArrowSchema schema = {};
    array.length = 3;
    array.offset = 1;
    array.buffers = buffers;
    schema.format = "tsu:UTC";
    schema.name = "time";
    const tillroll::column column(array, schema, 0, 3);
    CHECK_SAME(column.to_string(0), "2018-03-05T11:00:00Z");
    CHECK_SAME(column.to_string(1), "2018-03-05T11:00:00.12Z");
    CHECK(column.is_null(2) && tillroll::value(column, 2).is_null());
    CHECK_SAME(tillroll::column(array, schema, -1, 3).to_string(0), "1969-12-31T23:59:59.999999Z");

    const char ids[] = "................\x8a\x45\x96\x68\xe1\x2c\x42\xda\x87\x81\xf7\x60\xe0\x75\x2f\x5b................";
    buffers[1] = ids;
    schema.format = "w:16";
    valid = 2;
    const tillroll::column uuids(array, schema, 0, 2);
    CHECK_SAME(uuids.to_string(0), "8a459668-e12c-42da-8781-f760e0752f5b");
    CHECK_SAME(tillroll::value(uuids, 0).bytes(), std::string_view(ids + 16, 16));
    CHECK_SAME(uuids.to_string(1), "");
    thrown(error_kind::misuse, [&] { uuids.bytes(1); });
    thrown(error_kind::misuse, [&] { uuids.text(0); });
    thrown(error_kind::misuse, [&] { column.text(0); });
}

/* A stream that gives a batch of two rows without columns, and fails at the second batch. */
tillroll::stream failing_second(int code) {
    static int batches;
    static int failure;
    batches = 0;
    failure = code;
    ArrowArrayStream given = {};
    given.get_schema = [](ArrowArrayStream *, ArrowSchema *schema) {
        *schema = {};
        schema->format = "+s";
        schema->release = [](ArrowSchema *one) { one->release = nullptr; };
        return 0;
    };
    given.get_next = [](ArrowArrayStream *, ArrowArray *array) {
        if (batches++ > 0) return failure;
        *array = {};
        array->length = 2;
        array->release = [](ArrowArray *one) { one->release = nullptr; };
        return 0;
    };
    given.get_last_error = [](ArrowArrayStream *) { return "7.roll is damaged"; };
    given.release = [](ArrowArrayStream *one) { one->release = nullptr; };
    return tillroll::stream(std::move(given));
}

void failures() {
    tillroll::stream lines = failing_second(EIO);
    std::size_t count = 0;
    thrown(error_kind::io, [&] { for (auto line : lines) count += 1 + line.size(); });
    CHECK_INT(count, 2);
    /* What was read before is not given again. */
    thrown(error_kind::io, [&] { lines.begin(); });

    tillroll::stream whole = failing_second(EINVAL);
    auto range = whole.batches();
    auto at = range.begin();
    CHECK_INT(at->size(), 2);
    thrown(error_kind::validation, [&] { ++at; });
    thrown(error_kind::validation, [&] { whole.begin(); });

    tillroll::stream left = failing_second(EIO);
    for (auto line : left) {
        CHECK_INT(line.size(), 0);
        break;
    }
    /* The line that the loop was left at is given again. */
    thrown(error_kind::io, [&] { for (auto line : left) count += 1 + line.size(); });
    CHECK_INT(count, 4);
}

void handovers(const tillroll::sales &sales) {
    tillroll::stream stream = sales.report();
    CHECK(stream.get()->release != nullptr);
    tillroll::stream moved(std::move(stream));
    thrown(error_kind::misuse, [&] { stream.next(); });
    stream = std::move(moved);
    ArrowArrayStream given = stream.release();
    thrown(error_kind::misuse, [&] { stream.schema(); });
    tillroll::stream taken(std::move(given));
    CHECK(given.release == nullptr);
    const auto batch = taken.next();
    CHECK(batch && batch->size() == 1 && !taken.next());

    /* A stream that fails: what it tells is thrown. */
    ArrowArrayStream failing = {};
    failing.get_schema = [](ArrowArrayStream *, ArrowSchema *) { return 5; };
    failing.get_last_error = [](ArrowArrayStream *) { return "7.roll is damaged"; };
    failing.release = [](ArrowArrayStream *one) { one->release = nullptr; };
    tillroll::stream broken(std::move(failing));
    CHECK_SAME(thrown(error_kind::io, [&] { broken.next(); }).what(), "7.roll is damaged");
    failing.get_schema = [](ArrowArrayStream *, ArrowSchema *) { return 5; };
    failing.get_last_error = [](ArrowArrayStream *) -> const char * { return nullptr; };
    failing.release = [](ArrowArrayStream *one) { one->release = nullptr; };
    tillroll::stream silent(std::move(failing));
    thrown(error_kind::io, [&] { silent.begin(); });
}

void lookups(const tillroll::sales &sales) {
    CHECK(has(sales.get("t1"), "\"type\":\"refund\""));
    CHECK_SAME(sales.get("nothing"), "[]");
    std::string ids;
    for (auto line : sales.get_many({"t4", "nothing", "t1"})) ids += line["transaction_id"].text();
    CHECK_SAME(ids, "t4t1t1");
    CHECK_INT(sales.count(), 4);
    CHECK(has(sales.columns(), "[\"account\",\"store\""));
    CHECK(has(sales.imports(), "\"rows\":4,\"rejected\":1,"));
    CHECK_SAME(sales.imports(2), "[]");
    for (auto line : sales.rejects()) CHECK_INT(line["line"].integer(), 5);
    thrown(error_kind::not_found, [&] { sales.rejects(77); });
}

void periods(const tillroll::sales &sales) {
    using tillroll::period_state;
    CHECK(sales.period_state(1, "amazon-sales", "2018-03") == period_state::rows);
    CHECK(sales.period_state(1, "amazon-sales", "2018-02") == period_state::absent);
    sales.mark_empty(1, "amazon-sales", "2018-02");
    CHECK(sales.period_state(1, "amazon-sales", "2018-02") == period_state::empty);
    CHECK_SAME(sales.gaps(1, "amazon-sales", "2018-01", "2018-05"), "[\"2018-01\",\"2018-04\"]");
    thrown(error_kind::conflict, [&] { sales.mark_empty(1, "amazon-sales", "2018-03"); });
    sales.mark_fetched(1, "amazon-sales", "2018-03");
    sales.mark_fetched(1, "amazon-sales", "2018-02", "2018-03-01T00:00:00Z");
    thrown(error_kind::validation, [&] { sales.mark_fetched(1, "amazon-sales", "2018-02", "soon"); });
    sales.mark_lost(1, "amazon-sales", "2018-01");
    thrown(error_kind::not_found, [&] { sales.mark_lost(9, "amazon-sales", "2018-01"); });
    sales.erase(1, "amazon-sales", "2018-03");
    CHECK_INT(sales.count(), 0);
}

void plans(const tillroll::db &shop) {
    CHECK_SAME(shop.sync_plan(), "[]");
    CHECK_SAME(shop.sync_plan("{\"now\":\"2018-03-02T00:00:00Z\"}"), "[]");
    thrown(error_kind::validation, [&] { shop.sync_plan("{\"now\":\"soon\"}"); });
}

void narrowed(const tillroll::db &shop) {
    const tillroll::db narrow = shop.restrict({"sales:read"});
    CHECK_INT(narrow.sales().count(), 4);
    thrown(error_kind::access, [&] { narrow.products().count(); });
    thrown(error_kind::validation, [&] { shop.restrict("everything"); });
}

void maintenance(tillroll::db &shop, const std::string &path, const std::string &folder) {
    const std::string copy = folder + "/copy", restored = folder + "/restored.till", file = folder + "/records.jsonl";
    CHECK_SAME(shop.check(), "{\"ok\":true,\"problems\":[]}");
    CHECK(has(shop.stats(), "\"rows\":4,"));
    shop.compact();
    shop.backup(copy);
    thrown(error_kind::conflict, [&] { shop.backup(copy); });
    thrown(error_kind::locked, [&] { tillroll::check(path); });
    tillroll::restore(copy, restored);
    CHECK_SAME(tillroll::check(restored), "{\"ok\":true,\"problems\":[]}");
    CHECK(has(tillroll::repair(restored), "\"changed\":false"));
    CHECK(shop.export_records(file) >= 2);
    const tillroll::db other(folder + "/other.till");
    CHECK(other.import_records(file) >= 2);
    CHECK_INT(other.import_records(file), 0);
}

/* One handle, several threads: the errors of one are none of another's. */
void threads(const tillroll::db &shop) {
    std::vector<std::thread> started;
    for (int i = 0; i < 4; i++) {
        started.emplace_back([&, i] {
            const std::string nickname = std::to_string(i);
            shop.external_accounts().create("{\"nickname\":\"" + nickname + "\",\"store\":\"amazon\"}");
            CHECK(has(thrown(error_kind::not_found, [&] { shop.products().get(1000 + i); }).what(), nickname));
        });
    }
    for (auto &thread : started) thread.join();
}

/* Errors and scans outlive the database, which is closed when the last stream goes. */
void outlives(tillroll::db shop, const std::string &path) {
    auto scan = shop.sales().scan();
    const tillroll::error failed = thrown(error_kind::not_found, [&] { shop.products().get(77); });
    shop.close();
    thrown(error_kind::locked, [&] { tillroll::db second(path); });
    CHECK(has(failed.what(), "77"));
    std::size_t rows = 0;
    for (auto line : scan) rows += line["sku"].is_null() ? 0 : 1;
    CHECK_INT(rows, 4);
    scan = tillroll::stream(scan.release());
}

/* Products that are asked of a store: found, not found, thrown, not waited for. */
void asks_a_store(tillroll::db &shop) {
    const auto gives = [](std::optional<std::string> fields) {
        return [=](std::string_view store, std::string_view id) {
            CHECK_SAME(store, "amazon_appstore");
            CHECK(!id.empty());
            return fields;
        };
    };
    const tillroll::products products = shop.products();
    const tillroll::record go = products.get_by_store("amazon", "go", gives(R"({"name":"Go"})"));
    CHECK(has(go.json(), R"("name":"Go")"));
    CHECK(products.get_by_store("Amazon Appstore", "go").json() == go.json());
    thrown(error_kind::not_found, [&] { products.get_by_store("amazon", "go2"); });
    thrown(error_kind::not_found, [&] { products.get_by_store("amazon", "go2", gives(std::nullopt)); });
    thrown(error_kind::validation, [&] { products.get_by_store("amazon", "go2", gives("no JSON")); });
    bool caught = false;
    try {
        products.get_by_store("amazon", "go2", [](auto, auto) -> std::optional<std::string> { throw 7; });
    } catch (int seven) {
        caught = seven == 7;
    }
    CHECK(caught);
    std::promise<void> goes_on;
    const auto waits = [&](std::string_view, std::string_view) {
        goes_on.get_future().wait();
        return std::optional<std::string>(R"({"name":"Go 3"})");
    };
    thrown(error_kind::pending,
           [&] { products.get_by_store("amazon", "go3", waits, std::chrono::milliseconds(-1)); });
    goes_on.set_value();
    CHECK(has(products.get_by_store("amazon", "go3", waits).json(), "Go 3"));
}

/* What a stream tells of its failures by number. */
void stream_errors() {
    const auto failing = [](int code) {
        ArrowArrayStream given = {};
        given.private_data = reinterpret_cast<void *>(static_cast<std::intptr_t>(code));
        given.get_schema = [](ArrowArrayStream *from, ArrowSchema *) {
            return static_cast<int>(reinterpret_cast<std::intptr_t>(from->private_data));
        };
        given.get_last_error = [](ArrowArrayStream *) { return "why"; };
        given.release = [](ArrowArrayStream *from) { from->release = nullptr; };
        return tillroll::stream(std::move(given));
    };
    for (auto [code, kind] : {std::pair(EIO, error_kind::io), std::pair(EINVAL, error_kind::validation),
                              std::pair(ENOSYS, error_kind::panic)}) {
        auto stream = failing(code);
        CHECK_SAME(thrown(kind, [&] { stream.next(); }).what(), "why");
    }
}

void own_errors() {
    const tillroll::error own(error_kind::validation, "of the program");
    CHECK(own.kind() == error_kind::validation && own.path().empty() && own.line() == 0);
    const tillroll::error none(nullptr);
    CHECK_SAME(none.what(), "");
    const tillroll::import_error failed(own, {});
    CHECK_SAME(failed.what(), "of the program");
    CHECK_INT(failed.summary().files, 0);
}

void run(const std::string &folder) {
    const std::string path = folder + "/shop.till";
    const std::string report = folder + "/sales_2018_03.csv", broken = folder + "/broken.csv";
    write_file(report.c_str(), REPORT);
    write_file(broken.c_str(), "these,are\nnot,sales\n");
    versions();
    arguments();
    amounts();
    days();
    columns();
    failures();
    own_errors();
    stream_errors();
    opens(folder + "/empty.till");
    secrets(folder + "/sealed.till");
    tillroll::db shop(path);
    records(shop);
    imports(shop, report, broken);
    lines(shop.sales());
    batches(shop.sales());
    handovers(shop.sales());
    lookups(shop.sales());
    narrowed(shop);
    asks_a_store(shop);
    plans(shop);
    maintenance(shop, path, folder);
    threads(shop);
    outlives(std::move(shop), path);
    periods(tillroll::db(path).sales());
}

} // namespace

int main(int argc, char **argv) {
    CHECK_INT(argc, 2);
    try {
        run(argv[1]);
    } catch (const std::exception &failed) {
        check_stop(failed.what(), __FILE__, __LINE__);
    }
    return 0;
}
