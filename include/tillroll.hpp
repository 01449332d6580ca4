// Tillroll in C++17: tillroll.h with destructors, exceptions and ranges. This header is all of it; link libtillroll.
//
//     #include <iostream>
//     #include <tillroll.hpp>
//
//     int main() {
//         try {
//             tillroll::db shop("shop.till");
//             auto amazon = shop.external_accounts().create(R"({"nickname":"Amazon apps","store":"amazon"})");
//             auto done = shop.sales().import_reports("reports/*.gz", amazon.id());
//             std::cout << done.files << " files, " << done.rows << " rows\n";
//
//             auto query = tillroll::query().by({"month", "currency"}).measures({"units", "earnings"});
//             for (auto line : shop.sales().report(query))
//                 std::cout << line["month"].to_string() << ' ' << line["currency"].text() << ' '
//                           << line["units"].integer() << ' ' << line["earnings"].to_string() << '\n';
//         } catch (const tillroll::error &failed) {
//             std::cerr << failed.what() << '\n';
//             return 1;
//         }
//     }
//
// The conventions:
//
// Names are those of tillroll.h without the prefix, and what a call does is said there: this header tells only what is
// different in C++. `delete` is a word of the language, hence `erase`.
//
// Errors: what fails throws tillroll::error; its kind() says what to do, its path() and line() where. Destructors,
// moves and what is marked noexcept never throw. Where memory runs out for what this header allocates, std::bad_alloc
// is thrown; where it does inside the library, the program ends. A text with a NUL inside is error_kind::misuse, since
// C would see its beginning alone.
//
// Ownership: db, batch and stream own what they stand for, are moved and not copied, and free it in their destructors.
// collection, products, sales, column, line and value only refer: to a db, or a batch. What a function takes as
// std::string_view or texts is only read during the call; what it gives as std::string is the caller's.
//
// Threads: one db may be used by any number at once, its close(), its moves and its destructor excepted. A stream and
// its batches are used by one thread at a time, by any.
//
// Everything here is there since 0.1.0.

#ifndef TILLROLL_HPP
#define TILLROLL_HPP

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tillroll.h"

namespace tillroll {

/* Of the versions that are compatible. Objects compiled with incompatible headers share no inline function, and do not
 * link where a type crosses. */
inline namespace v0_1 {

/* ====================================================================================================================
 * The version
 */

/// The version of the library that is linked: "0.1.0".
inline std::string_view version() noexcept { return tillroll_version(); }

/// The same as a number, which equals TILLROLL_VERSION_NUMBER where header and library belong together.
inline std::uint32_t version_number() noexcept { return tillroll_version_number(); }

/* ====================================================================================================================
 * Errors
 */

/// What the caller of a failed call can do: the codes of tillroll.h, by the same numbers. A later library may give
/// others.
enum class error_kind : std::int32_t {
    misuse = TILLROLL_MISUSE,
    panic = TILLROLL_PANIC,
    not_found = TILLROLL_NOT_FOUND,
    conflict = TILLROLL_CONFLICT,
    validation = TILLROLL_VALIDATION,
    access = TILLROLL_ACCESS,
    pending = TILLROLL_PENDING,
    vault = TILLROLL_VAULT,
    locked = TILLROLL_LOCKED,
    corruption = TILLROLL_CORRUPTION,
    format = TILLROLL_FORMAT,
    closed = TILLROLL_CLOSED,
    io = TILLROLL_IO,
    cancelled = TILLROLL_CANCELLED
};

/// Why a call failed. what() says it in English, for people.
///
/// Copies share what they say, and copying does not throw. It may outlive the database.
class error : public std::runtime_error {
public:
    /// An error of the program's own, of the same form.
    error(error_kind kind, const std::string &message)
        : std::runtime_error(message), details_(std::make_shared<const details>(details{kind, {}, 0, {}, {}})) {}

    /// Takes what `failed` says, which stays its owner's; NULL is a fault that has no more to say.
    explicit error(const tillroll_error *failed)
        : std::runtime_error(tillroll_error_message(failed)), details_(std::make_shared<const details>(details{
              static_cast<error_kind>(tillroll_error_code(failed)), text(tillroll_error_path(failed)),
              tillroll_error_line(failed), text(tillroll_error_fields(failed)),
              text(tillroll_error_failures(failed))})) {}

    /// What the caller can do.
    error_kind kind() const noexcept { return details_->kind; }

    /// The file or directory it is about; empty where it is about none.
    const std::string &path() const noexcept { return details_->path; }

    /// The line of the file that could not be read, from 1 on in the decoded text; 0 where the fault has none.
    std::uint64_t line() const noexcept { return details_->line; }

    /// All faults of an input by field, as JSON: {"store":["is required"]}; empty where it is not about fields.
    const std::string &fields() const noexcept { return details_->fields; }

    /// The files of an import that were not stored, as JSON, see tillroll_error_failures(); empty where there are none.
    const std::string &failures() const noexcept { return details_->failures; }

private:
    struct details {
        error_kind kind;
        std::string path;
        std::uint64_t line;
        std::string fields;
        std::string failures;
    };

    static std::string text(const char *given) { return given == nullptr ? std::string() : std::string(given); }

    std::shared_ptr<const details> details_;
};

/// What an import did, see tillroll.h: files, rows, rejected, unchanged, replaced and seconds.
using import_summary = tillroll_import_summary;

/// Why an import failed, with what it stored all the same.
class import_error : public error {
public:
    /// Of an error, and of what was stored.
    import_error(const error &failed, const import_summary &summary) : error(failed), summary_(summary) {}

    /// What is stored nevertheless: a file that cannot be read does not stop the others.
    const import_summary &summary() const noexcept { return summary_; }

private:
    import_summary summary_;
};

/* ====================================================================================================================
 * Arguments
 */

/// Texts: one, several in braces, or any range of what is a std::string_view, such as std::vector<std::string>.
///
/// It refers to them, and is made for the call alone. A range that makes its texts anew, such as a view of what a
/// function gives, is not taken: nothing would hold them.
class texts {
    template <class Item>
    static constexpr bool is_held =
        std::is_lvalue_reference_v<Item> || std::is_same_v<std::remove_cv_t<Item>, std::string_view> ||
        std::is_same_v<std::remove_cv_t<Item>, const char *>;

public:
    /// One text.
    texts(const char *one) : all_{one} {}
    /// One text.
    texts(std::string_view one) : all_{one} {}
    /// One text.
    texts(const std::string &one) : all_{one} {}
    /// Those in the braces.
    texts(std::initializer_list<std::string_view> some) : all_(some) {}

    /// Those of a range.
    template <class Range, class Item = decltype(*std::begin(std::declval<const Range &>())),
              class = std::enable_if_t<std::is_convertible_v<Item, std::string_view> && is_held<Item> &&
                                       !std::is_convertible_v<const Range &, std::string_view>>>
    texts(const Range &some) : all_(std::begin(some), std::end(some)) {}

    /// The first of them.
    auto begin() const noexcept { return all_.begin(); }
    /// Behind the last.
    auto end() const noexcept { return all_.end(); }
    /// How many there are.
    std::size_t size() const noexcept { return all_.size(); }

private:
    std::vector<std::string_view> all_;
};

/// The id of a record: a number, or a text for business accounts. Either is taken from what stands for it.
class record_id {
public:
    /// An id that is a number.
    template <class Number, class = std::enable_if_t<std::is_integral_v<Number> && !std::is_same_v<Number, bool>>>
    record_id(Number number) : text_(std::to_string(number)), is_number_(true) {}
    /// An id as text.
    record_id(const char *text) : text_(text) {}
    /// An id as text.
    record_id(std::string_view text) : text_(text) {}
    /// An id as text.
    record_id(std::string text) noexcept : text_(std::move(text)) {}

    /// The id as text.
    const std::string &text() const noexcept { return text_; }
    /// Whether it was made of a number; a text of digits is none.
    bool is_number() const noexcept { return is_number_; }

    /// The id as a number. Throws error_kind::not_found where it cannot be one: no record has such an id.
    std::uint64_t number() const {
        std::uint64_t number = 0;
        bool is_one = !text_.empty();
        for (char digit : text_) {
            const auto one = static_cast<std::uint64_t>(digit - '0');
            is_one = is_one && digit >= '0' && digit <= '9' && number <= (UINT64_MAX - one) / 10;
            number = is_one ? number * 10 + one : 0;
        }
        if (number == 0) throw error(error_kind::not_found, "no record has the id '" + text_ + "'");
        return number;
    }

private:
    std::string text_;
    bool is_number_ = false;
};

/// A value in a query: a text, a whole number, true or false, the id of a record, or a range of these.
class argument {
public:
    /// A text.
    argument(const char *text) : json_(quoted(text)) {}
    /// A text.
    argument(std::string_view text) : json_(quoted(text)) {}
    /// A text.
    argument(const std::string &text) : json_(quoted(text)) {}
    /// A whole number, or true or false.
    template <class Number, class = std::enable_if_t<std::is_integral_v<Number>>>
    argument(Number value) : json_(number(value)) {}
    /// The id of a record.
    argument(const record_id &id) : json_(id.is_number() ? id.text() : quoted(id.text())) {}

    /// All of a range, one of which is meant.
    template <class Range, class Item = decltype(*std::begin(std::declval<const Range &>())),
              class = std::enable_if_t<!std::is_convertible_v<const Range &, std::string_view>>>
    argument(const Range &values) {
        for (const auto &value : values) json_ += (json_.empty() ? "" : ",") + argument(value).json();
        json_ = "[" + json_ + "]";
    }

    /// The value as JSON.
    const std::string &json() const noexcept { return json_; }

private:
    template <class Number> static std::string number(Number value) {
        if constexpr (std::is_same_v<Number, bool>) return value ? "true" : "false";
        else return std::to_string(value);
    }

    static std::string quoted(std::string_view text) {
        constexpr char digits[] = "0123456789abcdef";
        std::string json = "\"";
        for (char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < 0x20) json += {'\\', 'u', '0', '0', digits[byte / 16], digits[byte % 16]};
            else if (c == '"' || c == '\\') json += {'\\', c};
            else json += c;
        }
        return json + '"';
    }

    std::string json_;
};

/// A query, put together; wherever one is taken, its JSON is taken as well.
///
/// Names and values are those of tillroll.h. What is wrong with them is told, all at once, when it is asked.
class query {
public:
    /// All rows or records; a report without groups counts units.
    query() = default;

    /// Groups a report, in this order of columns.
    query &by(const texts &axes) { return put("by", argument(axes).json()); }
    /// What a report counts or sums, in this order of columns.
    query &measures(const texts &names) { return put("measures", argument(names).json()); }
    /// The columns of a scan.
    query &columns(const texts &names) { return put("columns", argument(names).json()); }
    /// Sorts a report by its columns, `-` before a name for the largest first.
    query &order_by(const texts &names) { return put("order_by", argument(names).json()); }
    /// At most so many rows.
    query &limit(std::uint64_t rows) { return put("limit", std::to_string(rows)); }
    /// Whether a scan gives transaction ids as their 16 bytes, see column::bytes(); all must be UUIDs in small letters.
    query &binary_ids(bool binary) { return put("binary_ids", binary ? "true" : "false"); }
    /// Whether in-app items count among their app.
    query &combine_inapps(bool combine) { return put("combine_inapps", combine ? "true" : "false"); }

    /// Which page of a listing, from 1 on.
    query &page(std::uint64_t number) { return put("page", std::to_string(number)); }
    /// How many records a page of a listing has.
    query &page_size(std::uint64_t records) { return put("page_size", std::to_string(records)); }
    /// Sorts a listing: "nickname-desc".
    query &sort(std::string_view field) { return put("sort", argument(field).json()); }
    /// Which records are listed: "eq(store,amazon):like(nickname,*games*)".
    query &filter(std::string_view conditions) { return put("filter", argument(conditions).json()); }
    /// What a listing expands.
    query &expand(const texts &names) { return put("expand", argument(names).json()); }

    /// Only what has this value in a field, or any other argument by its name: where("sku", "chess"),
    /// where("include_inapps", true).
    query &where(std::string_view field, const argument &value) { return put(field, value.json()); }
    /// Only what has one of these values in a field: where("sku", {"chess", "sudoku"}).
    query &where(std::string_view field, std::initializer_list<argument> values) {
        return put(field, argument(values).json());
    }

    /// The query as JSON.
    std::string json() const { return "{" + members_ + "}"; }

private:
    query &put(std::string_view name, const std::string &value) {
        members_ += (members_.empty() ? "" : ",") + argument(name).json() + ":" + value;
        return *this;
    }

    std::string members_;
};

/* What only this header uses. */
namespace detail {

struct freed {
    void operator()(char *text) const noexcept { tillroll_string_free(text); }
    void operator()(tillroll_error *failed) const noexcept { tillroll_error_free(failed); }
};

/* A text as C takes it. */
class c_text {
public:
    c_text(std::string_view text) : text_(text) {
        if (text_.find('\0') == std::string::npos) return;
        throw error(error_kind::misuse, "a text has a NUL behind '" + std::string(text_.c_str()) + "'");
    }
    const char *get() const noexcept { return text_.c_str(); }

private:
    std::string text_;
};

/* Texts as C takes them. */
class c_texts {
public:
    explicit c_texts(const texts &some) : texts_(some.begin(), some.end()) {
        for (const c_text &one : texts_) pointers_.push_back(one.get());
    }
    /* The pointers of a copy would be those of the texts that it was copied from. */
    c_texts(const c_texts &) = delete;
    c_texts &operator=(const c_texts &) = delete;
    const char *const *get() const noexcept { return pointers_.data(); }
    std::size_t size() const noexcept { return pointers_.size(); }

private:
    std::vector<c_text> texts_;
    std::vector<const char *> pointers_;
};

/* Runs a call that tells its error through the pointer that it is given, and throws what it tells. */
template <class Call> auto run(Call &&call) {
    tillroll_error *err = nullptr;
    auto result = call(&err);
    const std::unique_ptr<tillroll_error, freed> failed(err);
    if (failed) throw error(failed.get());
    return result;
}

/* The same for a call that gives a text. */
template <class Call> std::string text_of(Call &&call) {
    char *given = nullptr;
    run([&](tillroll_error **err) { return call(&given, err); });
    const std::unique_ptr<char, freed> text(given);
    return text ? std::string(text.get()) : std::string();
}

/* What the standard asks of an iterator that is read once. */
template <class Value, class Reference> struct input_iterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = Reference;
};

} // namespace detail

/* ====================================================================================================================
 * Rows
 */

/// An amount of money: exact, in millionths of the currency's unit, 128 bits wide.
class money {
public:
    /// Of the halves of a two's complement number.
    constexpr money(std::int64_t high, std::uint64_t low) noexcept : high_(high), low_(low) {}

    /// The upper 64 bits, with the sign.
    constexpr std::int64_t high() const noexcept { return high_; }
    /// The lower 64 bits.
    constexpr std::uint64_t low() const noexcept { return low_; }

    /// The amount in millionths, which 64 bits hold as far as nine million millions; nothing where they do not.
    std::optional<std::int64_t> micros() const noexcept {
        const auto low = static_cast<std::int64_t>(low_);
        return high_ == (low < 0 ? -1 : 0) ? std::optional(low) : std::nullopt;
    }

    /// The amount as text, exact, with two decimals or as many as it needs: "4.49", "-0.003".
    std::string to_string() const {
        std::string digits = magnitude();
        if (digits.size() < 7) digits.insert(0, 7 - digits.size(), '0');
        digits.insert(digits.size() - 6, 1, '.');
        while (digits.back() == '0' && digits[digits.size() - 3] != '.') digits.pop_back();
        return high_ < 0 ? "-" + digits : digits;
    }

    /// Whether two amounts are the same; whether their currencies are, the rows tell.
    friend constexpr bool operator==(money a, money b) noexcept { return a.high_ == b.high_ && a.low_ == b.low_; }
    /// Whether two amounts differ.
    friend constexpr bool operator!=(money a, money b) noexcept { return !(a == b); }
    /// Whether the first is less.
    friend constexpr bool operator<(money a, money b) noexcept {
        return a.high_ < b.high_ || (a.high_ == b.high_ && a.low_ < b.low_);
    }

private:
    /* Digits of the absolute value: long division by ten, 32 bits at a time. */
    std::string magnitude() const {
        std::uint64_t high = static_cast<std::uint64_t>(high_), low = low_;
        if (high_ < 0) {
            low = ~low + 1;
            high = ~high + (low == 0 ? 1 : 0);
        }
        std::uint64_t parts[] = {high >> 32, high & 0xffffffff, low >> 32, low & 0xffffffff};
        std::string digits;
        while (parts[0] != 0 || parts[1] != 0 || parts[2] != 0 || parts[3] != 0) {
            std::uint64_t rest = 0;
            for (std::uint64_t &part : parts) {
                const std::uint64_t whole = rest << 32 | part;
                part = whole / 10;
                rest = whole % 10;
            }
            digits.insert(digits.begin(), static_cast<char>('0' + rest));
        }
        return digits;
    }

    std::int64_t high_;
    std::uint64_t low_;
};

/// A day of the store's own calendar.
struct date {
    /// The year, as 2018.
    int year;
    /// The month, from 1 on.
    int month;
    /// The day of the month, from 1 on.
    int day;

    /// The day that is so many days after 1970-01-01, as Arrow's date32 has it.
    static constexpr date from_days(std::int32_t days) noexcept {
        /* Years begin in March and eras of 400 years with a leap day's year, so that leap days come last. */
        const std::int64_t shifted = std::int64_t{days} + 719468;
        const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
        const std::int64_t of_era = shifted - era * 146097;
        const std::int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
        const std::int64_t month = (5 * of_year + 2) / 153;
        const std::int64_t day = of_year - (153 * month + 2) / 5 + 1;
        return {static_cast<int>(year + era * 400 + (month >= 10 ? 1 : 0)),
                static_cast<int>(month < 10 ? month + 3 : month - 9), static_cast<int>(day)};
    }

    /// The day as text: "2018-03-01".
    std::string to_string() const { return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2); }

    /// Whether two days are the same.
    friend constexpr bool operator==(date a, date b) noexcept {
        return a.year == b.year && a.month == b.month && a.day == b.day;
    }
    /// Whether two days differ.
    friend constexpr bool operator!=(date a, date b) noexcept { return !(a == b); }

private:
    static std::string padded(int number, std::size_t width) {
        std::string digits = std::to_string(number);
        return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
    }
};

/// A moment, in UTC, to the microsecond.
using moment = std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<std::int64_t, std::micro>>;

/// A column of a batch. It refers to the batch, and is valid as long as that is.
///
/// What a row holds is read by the function for the column's type. Another one, a row that is not there, or a value
/// that is null throws error_kind::misuse, which names the column.
class column {
public:
    /// A column of an array and its schema, whose rows begin at `first`.
    column(const ArrowArray &array, const ArrowSchema &schema, std::int64_t first, std::int64_t rows) noexcept
        : array_(&array), schema_(&schema), first_(first + array.offset), rows_(rows) {}

    /// The name.
    std::string_view name() const noexcept { return schema_->name; }
    /// The type, as Arrow's format string: "l" for counts and ids, "u" for texts, "d:38,6" for sums of money, "w:16"
    /// for the transaction ids of query::binary_ids().
    std::string_view format() const noexcept { return schema_->format; }
    /// How many rows it has.
    std::size_t size() const noexcept { return static_cast<std::size_t>(rows_); }

    /// Whether there is nothing in a row.
    bool is_null(std::size_t row) const {
        const std::int64_t at = place(row);
        const auto *valid = static_cast<const std::uint8_t *>(array_->buffers[0]);
        return valid != nullptr && (valid[at / 8] >> (at % 8) & 1) == 0;
    }

    /// A count, an id, or any other whole number.
    std::int64_t integer(std::size_t row) const {
        expect(format() == "l", "whole numbers");
        return static_cast<const std::int64_t *>(array_->buffers[1])[filled(row)];
    }

    /// A text, which is the batch's.
    std::string_view text(std::size_t row) const {
        if (schema_->dictionary != nullptr) {
            expect(format() == "i", "texts");
            const std::int32_t code = static_cast<const std::int32_t *>(array_->buffers[1])[filled(row)];
            const column words(*array_->dictionary, *schema_->dictionary, 0, array_->dictionary->length);
            return words.text(static_cast<std::size_t>(code));
        }
        expect(format() == "u", "texts");
        const auto *ends = static_cast<const std::int32_t *>(array_->buffers[1]) + filled(row);
        const auto *bytes = static_cast<const char *>(array_->buffers[2]);
        return bytes == nullptr ? std::string_view() : std::string_view(bytes + ends[0], length(ends[0], ends[1]));
    }

    /// The 16 bytes of a UUID, which are the batch's: a transaction id of query::binary_ids().
    std::string_view bytes(std::size_t row) const {
        expect(format() == "w:16", "UUIDs as bytes");
        return {static_cast<const char *>(array_->buffers[1]) + 16 * filled(row), 16};
    }

    /// An amount of money.
    tillroll::money money(std::size_t row) const {
        expect(format() == "d:18,6" || format() == "d:38,6", "money");
        /* Halves of sixteen bytes, the lower one first on every machine that Tillroll is built for. */
        std::uint64_t halves[2];
        std::memcpy(halves, static_cast<const char *>(array_->buffers[1]) + 16 * filled(row), sizeof halves);
        return {static_cast<std::int64_t>(halves[1]), halves[0]};
    }

    /// A day.
    tillroll::date date(std::size_t row) const {
        expect(format() == "tdD", "days");
        return tillroll::date::from_days(static_cast<const std::int32_t *>(array_->buffers[1])[filled(row)]);
    }

    /// A moment.
    tillroll::moment time(std::size_t row) const {
        expect(format() == "tsu:UTC", "times");
        return moment(moment::duration(static_cast<const std::int64_t *>(array_->buffers[1])[filled(row)]));
    }

    /// Any of them as text: money and numbers in digits, days as "2018-03-01", times as "2018-03-05T11:00:00Z" with
    /// fractions where there are some, UUIDs in small letters; empty where there is nothing.
    std::string to_string(std::size_t row) const {
        if (is_null(row)) return {};
        if (format() == "l") return std::to_string(integer(row));
        if (format() == "tdD") return date(row).to_string();
        if (format() == "tsu:UTC") return clock(time(row).time_since_epoch().count());
        if (format().substr(0, 2) == "d:") return money(row).to_string();
        if (format() == "w:16") return uuid(bytes(row));
        return std::string(text(row));
    }

private:
    static std::size_t length(std::int32_t start, std::int32_t end) noexcept {
        return static_cast<std::size_t>(end - start);
    }

    static std::string uuid(std::string_view bytes) {
        constexpr char digits[] = "0123456789abcdef";
        std::string text;
        for (const char one : bytes) {
            const auto byte = static_cast<unsigned char>(one);
            text += {digits[byte / 16], digits[byte % 16]};
            if (text.size() == 8 || text.size() == 13 || text.size() == 18 || text.size() == 23) text += '-';
        }
        return text;
    }

    static std::string clock(std::int64_t micros) {
        constexpr std::int64_t day = 86400000000;
        const std::int64_t days = micros / day - (micros % day < 0 ? 1 : 0);
        const std::int64_t rest = micros - days * day;
        const auto two = [](std::int64_t number) { return std::to_string(100 + number).substr(1); };
        std::string text = tillroll::date::from_days(static_cast<std::int32_t>(days)).to_string() + "T" +
                           two(rest / 3600000000) + ":" + two(rest / 60000000 % 60) + ":" + two(rest / 1000000 % 60);
        if (rest % 1000000 != 0) {
            text += "." + std::to_string(1000000 + rest % 1000000).substr(1);
            text.erase(text.find_last_not_of('0') + 1);
        }
        return text + "Z";
    }

    void expect(bool is_so, const char *what) const {
        if (!is_so) {
            throw error(error_kind::misuse, "the column '" + std::string(name()) + "' does not hold " + what);
        }
    }

    std::int64_t place(std::size_t row) const {
        expect(row < size(), "so many rows");
        return first_ + static_cast<std::int64_t>(row);
    }

    std::int64_t filled(std::size_t row) const {
        expect(!is_null(row), "a value there: it is null");
        return first_ + static_cast<std::int64_t>(row);
    }

    const ArrowArray *array_;
    const ArrowSchema *schema_;
    std::int64_t first_;
    std::int64_t rows_;
};

/// What stands in one row of one column, read as column says. It refers to the batch.
class value {
public:
    /// A row of a column.
    value(column of, std::size_t row) noexcept : column_(of), row_(row) {}

    /// Whether there is nothing.
    bool is_null() const { return column_.is_null(row_); }
    /// A count, an id, or any other whole number.
    std::int64_t integer() const { return column_.integer(row_); }
    /// A text, which is the batch's.
    std::string_view text() const { return column_.text(row_); }
    /// The 16 bytes of a UUID, which are the batch's.
    std::string_view bytes() const { return column_.bytes(row_); }
    /// An amount of money.
    tillroll::money money() const { return column_.money(row_); }
    /// A day.
    tillroll::date date() const { return column_.date(row_); }
    /// A moment.
    moment time() const { return column_.time(row_); }
    /// Any of them as text; empty where there is nothing.
    std::string to_string() const { return column_.to_string(row_); }

private:
    column column_;
    std::size_t row_;
};

class batch;

/// A row of a batch. It refers to the batch, and is valid as long as that is.
class line {
public:
    /// A row of a batch.
    line(const batch &of, std::size_t row) noexcept : batch_(&of), row_(row) {}

    /// What stands in a column. Throws error_kind::not_found where there is none of that name.
    value operator[](std::string_view name) const;
    /// The same by the column's place, from 0 on.
    value operator[](std::size_t place) const;
    /// How many columns there are.
    std::size_t size() const noexcept;

private:
    const batch *batch_;
    std::size_t row_;
};

/// Some rows of an answer, column by column. A loop over it gives its lines.
///
/// A line looks up each column by its name; where there are millions, take the column out of the loop.
class batch {
public:
    /// Goes over the lines of a batch, which are made when they are asked for.
    class iterator : public detail::input_iterator<line, line> {
    public:
        /// At none.
        iterator() noexcept = default;
        /// At a row of a batch.
        iterator(const batch &of, std::size_t row) noexcept : batch_(&of), row_(row) {}
        /// The line.
        line operator*() const noexcept { return line(*batch_, row_); }
        /// The next one.
        iterator &operator++() noexcept { return ++row_, *this; }
        /// The next one, giving this.
        iterator operator++(int) noexcept { return iterator(*batch_, row_++); }
        /// Whether both are at the same line.
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.row_ == b.row_; }
        /// Whether they are at different ones.
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

    private:
        const batch *batch_ = nullptr;
        std::size_t row_ = 0;
    };

    /// Takes an array, whose `release` becomes NULL, with the schema that it shares.
    batch(ArrowArray &&array, std::shared_ptr<const ArrowSchema> schema) noexcept
        : array_(std::exchange(array, {})), schema_(std::move(schema)) {}
    /// Takes what the other one has.
    batch(batch &&other) noexcept : array_(other.release()), schema_(std::move(other.schema_)) {}
    /// Frees its own and takes what the other one has.
    batch &operator=(batch &&other) noexcept {
        batch taken(std::move(other));
        std::swap(array_, taken.array_);
        std::swap(schema_, taken.schema_);
        return *this;
    }
    ~batch() {
        if (array_.release != nullptr) array_.release(&array_);
    }

    /// How many rows it has.
    std::size_t size() const noexcept { return static_cast<std::size_t>(array_.length); }
    /// How many columns it has.
    std::size_t width() const noexcept { return static_cast<std::size_t>(array_.n_children); }

    /// A column by its name. Throws error_kind::not_found where there is none.
    tillroll::column column(std::string_view name) const {
        for (std::size_t place = 0; place < width(); place++) {
            if (name == schema_->children[place]->name) return column(place);
        }
        throw error(error_kind::not_found, "there is no column '" + std::string(name) + "'");
    }
    /// A column by its place, from 0 on.
    tillroll::column column(std::size_t place) const {
        if (place >= width()) throw error(error_kind::not_found, "there is no column " + std::to_string(place));
        return {*array_.children[place], *schema_->children[place], array_.offset, array_.length};
    }

    /// A row, from 0 on.
    line operator[](std::size_t row) const noexcept { return line(*this, row); }
    /// The first line.
    iterator begin() const noexcept { return iterator(*this, 0); }
    /// Behind the last line.
    iterator end() const noexcept { return iterator(*this, size()); }

    /// The array, for an Arrow library that only looks at it.
    const ArrowArray &array() const noexcept { return array_; }
    /// The schema, for an Arrow library that only looks at it.
    /// Throws error_kind::misuse where the batch was moved from.
    const ArrowSchema &schema() const {
        if (!schema_) throw error(error_kind::misuse, "the batch was moved from");
        return *schema_;
    }
    /// Hands over the array, which the caller releases; the batch is empty then.
    ArrowArray release() noexcept { return std::exchange(array_, {}); }

private:
    ArrowArray array_;
    std::shared_ptr<const ArrowSchema> schema_;
};

inline value line::operator[](std::string_view name) const { return {batch_->column(name), row_}; }
inline value line::operator[](std::size_t place) const { return {batch_->column(place), row_}; }
inline std::size_t line::size() const noexcept { return batch_->width(); }

/// An answer with rows, read once from beginning to end. A loop over it gives its lines:
///
///     for (auto line : shop.sales().report(query)) std::cout << line["units"].integer() << '\n';
///
/// and a loop over batches() what it comes in, in columns. A line is valid until the loop goes on to the next batch.
/// It may be read after the database was closed; one of sales::scan() keeps it open until it goes.
class stream {
public:
    /// Goes over lines, and on to the next batch where one ends. All iterators of a stream share how far it is.
    class iterator : public detail::input_iterator<line, line> {
    public:
        /// At the line that a stream is at; of none: at the end.
        explicit iterator(stream *of = nullptr) : stream_(of) { skip(); }
        /// The line.
        line operator*() const noexcept { return line(*stream_->current_, stream_->row_); }
        /// The next one. Throws where reading fails.
        iterator &operator++() {
            stream_->row_++;
            skip();
            return *this;
        }
        /// The next one, and no way back.
        void operator++(int) { ++*this; }
        /// Whether both are at the end.
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.stream_ == b.stream_; }
        /// Whether one is and the other is not.
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

    private:
        void skip() {
            while (stream_ != nullptr && (!stream_->current_ || stream_->row_ >= stream_->current_->size())) {
                stream_->advance();
                if (!stream_->current_) stream_ = nullptr;
            }
        }

        stream *stream_;
    };

    /// The batches of a stream, for a loop. They own the stream where it was a temporary.
    class batch_range {
    public:
        /// Goes over batches. One is valid until the next is asked for, and may be moved from.
        class iterator : public detail::input_iterator<batch, batch &> {
        public:
            /// At the next batch of a stream; of none: at the end.
            explicit iterator(stream *of = nullptr) : stream_(of) {
                if (stream_ != nullptr) ++*this;
            }
            /// The batch.
            batch &operator*() const noexcept { return *stream_->current_; }
            /// The same, for a member.
            batch *operator->() const noexcept { return &*stream_->current_; }
            /// The next one. Throws where reading fails.
            iterator &operator++() {
                stream_->advance();
                if (!stream_->current_) stream_ = nullptr;
                return *this;
            }
            /// The next one, and no way back.
            void operator++(int) { ++*this; }
            /// Whether both are at the end.
            friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.stream_ == b.stream_; }
            /// Whether one is and the other is not.
            friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

        private:
            stream *stream_;
        };

        /// Of a stream that stays where it is.
        explicit batch_range(stream &of) noexcept : stream_(&of) {}
        /// Of one that is taken along.
        explicit batch_range(stream &&of) : owned_(std::make_unique<stream>(std::move(of))), stream_(owned_.get()) {}
        /// The next batch.
        iterator begin() const { return iterator(stream_); }
        /// Behind the last one.
        iterator end() const { return iterator(); }

    private:
        std::unique_ptr<stream> owned_;
        stream *stream_;
    };

    /// Takes a stream of Arrow's, whose `release` becomes NULL.
    explicit stream(ArrowArrayStream &&given) noexcept : stream_(std::exchange(given, {})) {}
    /// Takes what the other one has.
    stream(stream &&other) noexcept
        : stream_(other.release()), schema_(std::move(other.schema_)),
          current_(std::exchange(other.current_, std::nullopt)), row_(std::exchange(other.row_, 0)) {}
    /// Frees its own and takes what the other one has.
    stream &operator=(stream &&other) noexcept {
        stream taken(std::move(other));
        std::swap(stream_, taken.stream_);
        std::swap(schema_, taken.schema_);
        std::swap(current_, taken.current_);
        std::swap(row_, taken.row_);
        return *this;
    }
    ~stream() {
        if (stream_.release != nullptr) stream_.release(&stream_);
    }

    /// The next batch, nothing at the end. Throws error_kind::io where the stored rows cannot be read,
    /// error_kind::validation where they cannot be given as the query asks, error_kind::panic for a fault of Tillroll's
    /// own, and error_kind::misuse after release().
    std::optional<batch> next() {
        const std::shared_ptr<const ArrowSchema> shared = shared_schema();
        ArrowArray array = {};
        check(stream_.get_next(&stream_, &array));
        if (array.release == nullptr) return std::nullopt;
        return batch(std::move(array), shared);
    }

    /// The line that the stream is at, where the loop over lines begins: the first one, or the one at which a loop was
    /// left, which is given again.
    iterator begin() { return iterator(this); }
    /// Behind the last line.
    iterator end() { return iterator(); }
    /// The batches, for a loop.
    batch_range batches() & { return batch_range(*this); }
    /// The batches of a temporary, which they take along.
    batch_range batches() && { return batch_range(std::move(*this)); }

    /// The names and types of the columns, as the children of a struct.
    const ArrowSchema &schema() { return *shared_schema(); }
    /// The stream itself, for an Arrow library, which may take it out.
    ArrowArrayStream *get() noexcept { return &stream_; }
    /// Hands over the stream, which the caller releases.
    ArrowArrayStream release() noexcept { return std::exchange(stream_, {}); }

private:
    /* The old batch goes first, so that it is not given again where reading the next one fails. */
    void advance() {
        current_.reset();
        row_ = 0;
        current_ = next();
    }

    const std::shared_ptr<const ArrowSchema> &shared_schema() {
        if (stream_.release == nullptr) throw error(error_kind::misuse, "the stream was handed over");
        if (!schema_) {
            auto schema = std::make_unique<ArrowSchema>();
            check(stream_.get_schema(&stream_, schema.get()));
            schema_ = std::shared_ptr<const ArrowSchema>(schema.release(), [](const ArrowSchema *one) {
                auto *owned = const_cast<ArrowSchema *>(one);
                owned->release(owned);
                delete owned;
            });
        }
        return schema_;
    }

    void check(int code) {
        if (code == 0) return;
        const char *told = stream_.get_last_error(&stream_);
        throw error(kind_of(code), told == nullptr ? "the stream cannot be read" : told);
    }

    static error_kind kind_of(int code) noexcept {
        return code == EIO ? error_kind::io : code == ENOSYS ? error_kind::panic : error_kind::validation;
    }

    ArrowArrayStream stream_;
    std::shared_ptr<const ArrowSchema> schema_;
    std::optional<batch> current_;
    std::size_t row_ = 0;
};

namespace detail {

/* The same as run() for a call that gives a stream. */
template <class Call> stream stream_of(Call &&call) {
    ArrowArrayStream given = {};
    run([&](tillroll_error **err) { return call(&given, err); });
    return stream(std::move(given));
}

} // namespace detail

/* ====================================================================================================================
 * Records
 */

/// A record as it was stored when it was read: its JSON.
class record {
public:
    /// Of the JSON of a record.
    explicit record(std::string json) : json_(std::move(json)) {}

    /// The record as a JSON object.
    const std::string &json() const noexcept { return json_; }

    /// The id, as the functions of collection and sales take it; of a gift card, which has none, the code.
    record_id id() const {
        constexpr std::string_view number = "{\"id\":", code = "\"code\":";
        const bool is_first = json_.compare(0, number.size(), number) == 0;
        /* Before a code stand times alone, so that what is found is no part of another text. */
        const std::size_t found = is_first ? number.size() : json_.find(code);
        if (found == std::string::npos) throw error(error_kind::misuse, "this is no record: " + json_);
        const std::size_t value = is_first ? found : found + code.size();
        if (json_.compare(value, 1, "\"") == 0) return record_id(text(value + 1));
        return record_id(record_id(json_.substr(value, json_.find_first_of(",}", value) - value)).number());
    }

private:
    /* The text that begins at a place, without its escapes: short ones, and control characters by their number. */
    std::string text(std::size_t at) const {
        constexpr std::string_view escapes = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t", digits = "0123456789abcdef";
        std::string found;
        for (; at < json_.size() && json_[at] != '"'; at++) {
            if (json_[at] != '\\') {
                found += json_[at];
                continue;
            }
            const char escape = ++at < json_.size() ? json_[at] : '\0';
            const std::size_t place = escapes.find(escape);
            if (place != std::string_view::npos) {
                found += meant[place];
                continue;
            }
            const bool is_control = json_.compare(at, 4, "u000") == 0 || json_.compare(at, 4, "u001") == 0;
            const std::size_t digit = is_control && at + 4 < json_.size() ? digits.find(json_[at + 4]) : digits.npos;
            if (digit == digits.npos) throw error(error_kind::misuse, "this is no record: " + json_);
            found += static_cast<char>((json_[at + 3] - '0') * 16 + static_cast<int>(digit));
            at += 4;
        }
        return found;
    }

    std::string json_;
};

/// The records of one kind, as JSON. It refers to the database, and is valid until that is closed.
class collection {
public:
    /// A collection by its name, which need not exist: the calls tell.
    collection(tillroll_db *db, std::string_view name) : db_(db), name_(name) {}

    /// Creates a record of the fields in a JSON object, and gives it as it is stored. See tillroll_record_create().
    record create(std::string_view json) const {
        return record(detail::text_of([&, given = detail::c_text(json)](char **out, tillroll_error **err) {
            return tillroll_record_create(db_, name_.get(), given.get(), out, err);
        }));
    }

    /// Gets a record. See tillroll_record_get().
    record get(const record_id &id) const {
        return record(detail::text_of([&, of = detail::c_text(id.text())](char **out, tillroll_error **err) {
            return tillroll_record_get(db_, name_.get(), of.get(), out, err);
        }));
    }

    /// Changes the fields that a JSON object names, and gives the record as it is then. See tillroll_record_update().
    record update(const record_id &id, std::string_view json) const {
        const detail::c_text of(id.text()), given(json);
        return record(detail::text_of([&](char **out, tillroll_error **err) {
            return tillroll_record_update(db_, name_.get(), of.get(), given.get(), out, err);
        }));
    }

    /// Deletes a record. See tillroll_record_delete().
    void erase(const record_id &id) const {
        detail::run([&, of = detail::c_text(id.text())](tillroll_error **err) {
            return tillroll_record_delete(db_, name_.get(), of.get(), err);
        });
    }

    /// A page of records: {"data":[...],"meta":{...}}. See tillroll_record_list().
    std::string list(const query &which = {}) const { return list(which.json()); }
    /// The same of a query in JSON.
    std::string list(std::string_view query_json) const {
        return detail::text_of([&, which = detail::c_text(query_json)](char **out, tillroll_error **err) {
            return tillroll_record_list(db_, name_.get(), which.get(), out, err);
        });
    }

    /// How many records there are. See tillroll_record_count().
    std::uint64_t count() const {
        std::uint64_t counted = 0;
        detail::run([&](tillroll_error **err) { return tillroll_record_count(db_, name_.get(), &counted, err); });
        return counted;
    }

    /// Runs a verb by its Python name with a JSON object of its arguments, and gives its answer as JSON. See
    /// tillroll_record_call().
    std::string call(std::string_view verb, std::string_view arguments = "{}") const {
        const detail::c_text named(verb), given(arguments);
        return detail::text_of([&](char **out, tillroll_error **err) {
            return tillroll_record_call(db_, name_.get(), named.get(), given.get(), out, err);
        });
    }

protected:
    /* For the collections that have more. */
    tillroll_db *handle() const noexcept { return db_; }

private:
    tillroll_db *db_;
    detail::c_text name_;
};

/// Asks a store for a product: of the store's name as products show it ("amazon_appstore") and the id, it gives the
/// fields as a JSON object, or nothing where there is no such product.
using product_lookup = std::function<std::optional<std::string>(std::string_view store, std::string_view id_in_store)>;

namespace detail {

/* What a lookup needs, shared by the call that waits and the thread that asks, which may outlast it. */
struct asking {
    product_lookup lookup;
    std::mutex lock;
    std::exception_ptr thrown;

    static std::int32_t call(const char *store, const char *id, tillroll_lookup *found, void *user_data) noexcept {
        asking &asked = **static_cast<std::shared_ptr<asking> *>(user_data);
        try {
            const std::optional<std::string> fields = asked.lookup(store, id);
            if (!fields) return 0;
            return run([&, json = c_text(*fields)](tillroll_error **err) {
                return tillroll_lookup_found(found, json.get(), err);
            });
        } catch (...) {
            const std::lock_guard<std::mutex> held(asked.lock);
            asked.thrown = std::current_exception();
            return 1;
        }
    }

    static void release(void *user_data) noexcept { delete static_cast<std::shared_ptr<asking> *>(user_data); }

    void rethrow() {
        const std::lock_guard<std::mutex> held(lock);
        if (thrown) std::rethrow_exception(thrown);
    }
};

} // namespace detail

/// The products. It refers to the database, and is valid until that is closed.
class products : public collection {
public:
    /// Of a database.
    explicit products(tillroll_db *db) : collection(db, "products") {}

    /// A product by its id in a store. Where there is none, `lookup` is asked for it, on a thread of its own, and what
    /// it gives is stored; what it throws comes out of this. Throws error_kind::pending where it has not ended in time:
    /// it goes on, with all that it refers to; a database that it uses must stay open as long, for closing does not
    /// wait for it. Throws error_kind::validation where `lookup` asks for its own product by a lookup again. See
    /// tillroll_products_get_by_store().
    record get_by_store(std::string_view store, std::string_view id_in_store, product_lookup lookup = nullptr,
                        std::chrono::milliseconds timeout = std::chrono::seconds(90)) const {
        const detail::c_text of(store), id(id_in_store);
        const std::uint64_t wait = timeout.count() > 0 ? static_cast<std::uint64_t>(timeout.count()) : 0;
        const auto asks = lookup ? detail::asking::call : nullptr;
        const auto asked = std::make_shared<detail::asking>();
        asked->lookup = std::move(lookup);
        auto held = std::make_unique<std::shared_ptr<detail::asking>>(asked);
        try {
            return record(detail::text_of([&](char **out, tillroll_error **err) {
                return tillroll_products_get_by_store(handle(), of.get(), id.get(), asks, held.release(),
                                                      detail::asking::release, wait, out, err);
            }));
        } catch (const error &) {
            asked->rethrow();
            throw;
        }
    }
};

/* ====================================================================================================================
 * Sales
 */

/// How far an import is, see tillroll.h: bytes_done, bytes_total, rows, files_done and files_total.
using import_progress = tillroll_progress;

/// What becomes of an import with rows that cannot be read.
enum class on_reject {
    /// They are kept as rejects.
    keep,
    /// Nothing is imported.
    fail
};

/// How reports are imported. The fields' defaults are those of tillroll_import_options.
struct import_options {
    /// The kind of all files: "amazon-sales". Empty: told from the content.
    std::string kind;
    /// The period of all files: "2018-03". Empty: told from names and rows.
    std::string period;
    /// What becomes of rows that cannot be read.
    tillroll::on_reject on_reject = tillroll::on_reject::keep;
    /// Whether files whose bytes are stored already are read again.
    bool force = false;
    /// Whether the buyers' city, state, postal code and user id are kept.
    bool keep_personal = false;
    /// How many threads read. 0: as many as the database was opened with.
    std::uint64_t threads = 0;
    /// Told how far the import is; `false` cancels it. It is called from other threads too, one call at a time; what it
    /// throws cancels the import and comes out of it. What it throws at the last call, when all files are done, comes
    /// out as well, but cancels nothing: the import is stored then.
    std::function<bool(const import_progress &)> progress;
};

/// What is known of a period. A later library may tell of others.
enum class period_state : std::int32_t {
    absent = TILLROLL_PERIOD_ABSENT,
    empty = TILLROLL_PERIOD_EMPTY,
    rows = TILLROLL_PERIOD_ROWS
};

namespace detail {

/* What stands between C, which calls back, and a function that may throw. */
struct watcher {
    const std::function<bool(const import_progress &)> &told;
    std::exception_ptr thrown;

    static std::int32_t call(const tillroll_progress *progress, void *user_data) noexcept {
        auto &watching = *static_cast<watcher *>(user_data);
        try {
            return !watching.thrown && watching.told(*progress) ? 0 : 1;
        } catch (...) {
            watching.thrown = std::current_exception();
            return 1;
        }
    }
};

inline const char *unless_empty(const c_text &text) noexcept { return *text.get() == '\0' ? nullptr : text.get(); }

} // namespace detail

/// The sales of a database. It refers to the database, and is valid until that is closed.
class sales {
public:
    /// Of a database.
    explicit sales(tillroll_db *db) noexcept : db_(db) {}

    /// Imports files or globs for an external account. Throws import_error, which says what is stored all the same. See
    /// tillroll_sales_import().
    import_summary import_reports(const texts &paths, const record_id &account, const import_options &how = {}) const {
        const detail::c_text kind(how.kind), period(how.period);
        const detail::c_texts files(paths);
        detail::watcher watching{how.progress, nullptr};
        tillroll_import_options given = TILLROLL_IMPORT_OPTIONS_INIT;
        given.kind = detail::unless_empty(kind);
        given.period = detail::unless_empty(period);
        given.on_reject = how.on_reject == on_reject::fail ? "fail" : "keep";
        given.force = how.force;
        given.keep_personal = how.keep_personal;
        given.threads = how.threads;
        import_summary done = {};
        try {
            detail::run([&, id = account.number()](tillroll_error **err) {
                return tillroll_sales_import(db_, files.get(), files.size(), id, &given,
                                             how.progress ? detail::watcher::call : nullptr, &watching, &done, err);
            });
        } catch (const error &failed) {
            if (watching.thrown) std::rethrow_exception(watching.thrown);
            throw import_error(failed, done);
        }
        if (watching.thrown) std::rethrow_exception(watching.thrown);
        return done;
    }

    /// Sums by groups, exact: the columns are `by`, then `measures`. See tillroll_sales_report().
    stream report(const query &asked = {}) const { return report(asked.json()); }
    /// The same of a query in JSON.
    stream report(std::string_view query_json) const {
        return detail::stream_of([&, asked = detail::c_text(query_json)](ArrowArrayStream *out, tillroll_error **err) {
            return tillroll_sales_report(db_, asked.get(), out, err);
        });
    }

    /// The rows as they stand in the reports. See tillroll_sales_scan().
    stream scan(const query &asked = {}) const { return scan(asked.json()); }
    /// The same of a query in JSON.
    stream scan(std::string_view query_json) const {
        return detail::stream_of([&, asked = detail::c_text(query_json)](ArrowArrayStream *out, tillroll_error **err) {
            return tillroll_sales_scan(db_, asked.get(), out, err);
        });
    }

    /// The rows of a transaction as a JSON list; a charge and its refund share the id. See tillroll_sales_get().
    std::string get(std::string_view transaction_id) const {
        return detail::text_of([&, id = detail::c_text(transaction_id)](char **out, tillroll_error **err) {
            return tillroll_sales_get(db_, id.get(), out, err);
        });
    }

    /// The rows of several transactions, in the order of the ids. See tillroll_sales_get_many().
    stream get_many(const texts &transaction_ids) const {
        const detail::c_texts ids(transaction_ids);
        return detail::stream_of([&](ArrowArrayStream *out, tillroll_error **err) {
            return tillroll_sales_get_many(db_, ids.get(), ids.size(), out, err);
        });
    }

    /// How many rows are stored. See tillroll_sales_count().
    std::uint64_t count() const {
        std::uint64_t counted = 0;
        detail::run([&](tillroll_error **err) { return tillroll_sales_count(db_, &counted, err); });
        return counted;
    }

    /// The names of all columns of a scan, as a JSON list. See tillroll_sales_columns().
    std::string columns() const {
        return detail::text_of(
            [&](char **out, tillroll_error **err) { return tillroll_sales_columns(db_, out, err); });
    }

    /// The stored reports of an account, or of all, as a JSON list. See tillroll_sales_imports().
    std::string imports(const std::optional<record_id> &account = std::nullopt) const {
        return detail::text_of([&, id = account ? account->number() : 0](char **out, tillroll_error **err) {
            return tillroll_sales_imports(db_, id, out, err);
        });
    }

    /// The rows that could not be read, of one import, or of all. See tillroll_sales_rejects().
    stream rejects(const std::optional<record_id> &import_id = std::nullopt) const {
        const std::uint64_t id = import_id ? import_id->number() : 0;
        return detail::stream_of([&](ArrowArrayStream *out, tillroll_error **err) {
            return tillroll_sales_rejects(db_, id, out, err);
        });
    }

    /// Deletes a report with all its parts. See tillroll_sales_delete().
    void erase(const record_id &account, std::string_view kind, std::string_view period) const {
        const detail::c_text of(kind), in(period);
        detail::run([&, id = account.number()](tillroll_error **err) {
            return tillroll_sales_delete(db_, id, of.get(), in.get(), err);
        });
    }

    /// What is known of a period. See tillroll_sales_period_state().
    tillroll::period_state period_state(const record_id &account, std::string_view kind,
                                        std::string_view period) const {
        const detail::c_text of(kind), in(period);
        std::int32_t known = TILLROLL_PERIOD_ABSENT;
        detail::run([&, id = account.number()](tillroll_error **err) {
            return tillroll_sales_period_state(db_, id, of.get(), in.get(), &known, err);
        });
        return static_cast<tillroll::period_state>(known);
    }

    /// Notes that a period is known to have no sales. See tillroll_sales_mark_empty().
    void mark_empty(const record_id &account, std::string_view kind, std::string_view period) const {
        const detail::c_text of(kind), in(period);
        detail::run([&, id = account.number()](tillroll_error **err) {
            return tillroll_sales_mark_empty(db_, id, of.get(), in.get(), err);
        });
    }

    /// Notes when a store gave what is stored for a period ("2018-04-02T03:00:00Z"; now where nothing is said). See
    /// tillroll_sales_mark_fetched().
    void mark_fetched(const record_id &account, std::string_view kind, std::string_view period,
                      const std::optional<std::string> &at = std::nullopt) const {
        const detail::c_text of(kind), in(period), when(at.value_or(""));
        detail::run([&, id = account.number()](tillroll_error **err) {
            return tillroll_sales_mark_fetched(db_, id, of.get(), in.get(), at ? when.get() : nullptr, err);
        });
    }

    /// Notes that the store will never give out a period any more. See tillroll_sales_mark_lost().
    void mark_lost(const record_id &account, std::string_view kind, std::string_view period) const {
        const detail::c_text of(kind), in(period);
        detail::run([&, id = account.number()](tillroll_error **err) {
            return tillroll_sales_mark_lost(db_, id, of.get(), in.get(), err);
        });
    }

    /// The months, or for Apple the days, that are not covered from `start` to `end`, the latter excluded, as a JSON
    /// list. See tillroll_sales_gaps().
    std::string gaps(const record_id &account, std::string_view kind, std::string_view start,
                     std::string_view end) const {
        const detail::c_text of(kind), from(start), to(end);
        return detail::text_of([&, id = account.number()](char **out, tillroll_error **err) {
            return tillroll_sales_gaps(db_, id, of.get(), from.get(), to.get(), out, err);
        });
    }

private:
    tillroll_db *db_;
};

/* ====================================================================================================================
 * Databases
 */

/// How a database is opened. The fields' defaults are those of tillroll_open_options.
struct open_options {
    /// Whether the database is made where there is none.
    bool create = true;
    /// Whether nothing at all is written.
    bool read_only = false;
    /// What the stored secrets are sealed with.
    std::optional<std::string> passphrase;
    /// How many bytes of the stored rows are kept in memory. 0: a quarter of the memory, at most 1 GiB.
    std::uint64_t cache_bytes = 0;
    /// How many threads imports use, and how many reports, scans and lookups of many ids use; with 1, scans read
    /// nothing ahead. 0: as many as there are processors.
    std::uint64_t threads = 0;
};

/// An open database, which is closed with it.
class db {
public:
    /// Opens a database, or makes one. See tillroll_open().
    explicit db(std::string_view path, const open_options &how = {}) {
        const detail::c_text where(path), secret(how.passphrase.value_or(""));
        tillroll_open_options given = TILLROLL_OPEN_OPTIONS_INIT;
        given.create = how.create;
        given.read_only = how.read_only;
        given.passphrase = how.passphrase ? secret.get() : nullptr;
        given.cache_bytes = how.cache_bytes;
        given.threads = how.threads;
        db_ = detail::run([&](tillroll_error **err) { return tillroll_open(where.get(), &given, err); });
    }
    /// Takes a handle of C's, which this closes.
    explicit db(tillroll_db *handle) noexcept : db_(handle) {}
    /// Takes what the other one has, which is closed then.
    db(db &&other) noexcept : db_(other.release()) {}
    /// Closes its own and takes what the other one has.
    db &operator=(db &&other) noexcept {
        db taken(std::move(other));
        std::swap(db_, taken.db_);
        return *this;
    }
    ~db() { close(); }

    /// Closes the database; calls after this throw error_kind::closed. See tillroll_close().
    void close() noexcept { tillroll_close(release()); }
    /// Whether it is open.
    explicit operator bool() const noexcept { return db_ != nullptr; }
    /// The handle, for C, which must not close it. NULL where it is closed.
    tillroll_db *get() const noexcept { return db_; }
    /// Hands over the handle, which the caller closes.
    tillroll_db *release() noexcept { return std::exchange(db_, nullptr); }

    /// Cancels every import that runs or waits on this handle. See tillroll_cancel().
    void cancel() const noexcept { tillroll_cancel(db_); }

    /// Another handle on the same database that may do only what these scopes name. See tillroll_restrict().
    db restrict(const texts &scopes) const {
        const detail::c_texts names(scopes);
        return db(detail::run(
            [&](tillroll_error **err) { return tillroll_restrict(open(), names.get(), names.size(), err); }));
    }

    /// Imports, reports, scans and lookups.
    tillroll::sales sales() const { return tillroll::sales(open()); }

    /// What there is to fetch from the stores, as a JSON list. See tillroll_sync_plan().
    std::string sync_plan(std::string_view options_json = "{}") const {
        return detail::text_of([&, given = detail::c_text(options_json)](char **out, tillroll_error **err) {
            return tillroll_sync_plan(open(), given.get(), out, err);
        });
    }

    /// The records of a collection.
    tillroll::collection collection(std::string_view name) const { return tillroll::collection(open(), name); }
    /// The accounts at the stores.
    tillroll::collection external_accounts() const { return collection("external_accounts"); }
    /// Business accounts.
    tillroll::collection accounts() const { return collection("accounts"); }
    /// Customers.
    tillroll::collection customers() const { return collection("customers"); }
    /// Groups of customers.
    tillroll::collection customer_groups() const { return collection("customer_groups"); }
    /// Subscribers.
    tillroll::collection subscribers() const { return collection("subscribers"); }
    /// Gift cards.
    tillroll::collection gift_cards() const { return collection("gift_cards"); }
    /// Products.
    tillroll::products products() const { return tillroll::products(open()); }
    /// Brands.
    tillroll::collection brands() const { return collection("brands"); }
    /// Categories.
    tillroll::collection categories() const { return collection("categories"); }
    /// Campaigns.
    tillroll::collection campaigns() const { return collection("campaigns"); }
    /// Groups of banners.
    tillroll::collection banner_groups() const { return collection("banner_groups"); }
    /// Banners.
    tillroll::collection banners() const { return collection("banners"); }

    /// Verifies every byte that is stored: {"ok":true,"problems":[]}. See tillroll_check().
    std::string check() const {
        return detail::text_of([&](char **out, tillroll_error **err) { return tillroll_check(open(), out, err); });
    }
    /// Copies the database of this moment to a new directory. See tillroll_backup().
    void backup(std::string_view path) const {
        detail::run([&, to = detail::c_text(path)](tillroll_error **err) {
            return tillroll_backup(open(), to.get(), err);
        });
    }
    /// Makes the database as small as it can be. See tillroll_compact().
    void compact() const {
        detail::run([&](tillroll_error **err) { return tillroll_compact(open(), err); });
    }
    /// Sizes and counts of what is stored, as a JSON object. See tillroll_stats().
    std::string stats() const {
        return detail::text_of([&](char **out, tillroll_error **err) { return tillroll_stats(open(), out, err); });
    }
    /// Seals the secrets with another passphrase; with none, the key lies beside the data. See
    /// tillroll_set_passphrase().
    void set_passphrase(std::optional<std::string_view> passphrase) const {
        detail::run([&, secret = detail::c_text(passphrase.value_or(""))](tillroll_error **err) {
            return tillroll_set_passphrase(open(), passphrase ? secret.get() : nullptr, err);
        });
    }
    /// The stores that products are sold in, as a JSON list. See tillroll_stores().
    std::string stores() const {
        return detail::text_of([&](char **out, tillroll_error **err) { return tillroll_stores(open(), out, err); });
    }
    /// Writes all records to a file, and gives how many there are. See tillroll_export_records().
    std::uint64_t export_records(std::string_view path) const {
        std::uint64_t written = 0;
        detail::run([&, to = detail::c_text(path)](tillroll_error **err) {
            return tillroll_export_records(open(), to.get(), &written, err);
        });
        return written;
    }
    /// Stores the records of such a file, and gives how many are new. See tillroll_import_records().
    std::uint64_t import_records(std::string_view path) const {
        std::uint64_t stored = 0;
        detail::run([&, from = detail::c_text(path)](tillroll_error **err) {
            return tillroll_import_records(open(), from.get(), &stored, err);
        });
        return stored;
    }

private:
    tillroll_db *open() const {
        if (db_ == nullptr) throw error(error_kind::closed, "the database is closed");
        return db_;
    }

    tillroll_db *db_ = nullptr;
};

/// What kind of report a file holds: "amazon-sales". See tillroll_sniff().
inline std::string sniff(std::string_view path) {
    return detail::text_of([&, of = detail::c_text(path)](char **out, tillroll_error **err) {
        return tillroll_sniff(of.get(), out, err);
    });
}

/// Verifies a database that nobody has open: {"ok":true,"problems":[]}. See tillroll_check_path().
inline std::string check(std::string_view path) {
    return detail::text_of([&, of = detail::c_text(path)](char **out, tillroll_error **err) {
        return tillroll_check_path(of.get(), out, err);
    });
}

/// Repairs a database that nobody has open, and says as JSON what became of it. See tillroll_repair().
inline std::string repair(std::string_view path) {
    return detail::text_of([&, of = detail::c_text(path)](char **out, tillroll_error **err) {
        return tillroll_repair(of.get(), out, err);
    });
}

/// Makes a new database from a backup. See tillroll_restore().
inline void restore(std::string_view backup, std::string_view path) {
    const detail::c_text from(backup), to(path);
    detail::run([&](tillroll_error **err) { return tillroll_restore(from.get(), to.get(), err); });
}

} // namespace v0_1
} // namespace tillroll

#endif // TILLROLL_HPP
