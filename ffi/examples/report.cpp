/*
 * Imports reports and prints what each month earned, best first: Tillroll in C++17.
 *
 *     c++ -std=c++17 report.cpp $(pkg-config --cflags --libs tillroll) -o report
 *     ./report shop.till 'reports/sales_*.gz'
 */

#include <iostream>
#include <string>
#include <vector>

#include <tillroll.hpp>

namespace {

/* The account of this name, which is made where there is none. */
tillroll::record_id account_of(const tillroll::db &shop, const std::string &nickname) {
    const auto accounts = shop.external_accounts();
    const std::string found = accounts.list(tillroll::query().filter("eq(nickname," + nickname + ")"));
    /* Any JSON library reads the page as a whole; all that is needed of it here is the first record. */
    const auto first = found.find("{\"id\":");
    if (first != std::string::npos) return tillroll::record(found.substr(first)).id();
    return accounts.create("{\"nickname\":\"" + nickname + "\",\"store\":\"amazon\"}").id();
}

void import_reports(const tillroll::db &shop, const std::vector<std::string> &paths) {
    tillroll::import_options how;
    how.progress = [](const tillroll::import_progress &far) {
        std::cerr << far.files_done << " of " << far.files_total << " files, " << far.rows << " rows\n";
        return true;
    };
    const auto done = shop.sales().import_reports(paths, account_of(shop, "Amazon apps"), how);
    std::cout << done.files << " files, " << done.unchanged << " unchanged, " << done.rows << " rows, "
              << done.rejected << " rejected\n";
}

void print_months(const tillroll::db &shop) {
    const auto best = tillroll::query().by({"month", "currency"}).measures({"units", "earnings"}).order_by("-units");
    for (auto line : shop.sales().report(best)) {
        std::cout << line["month"].to_string().substr(0, 7) << ' ' << line["currency"].text() << ' '
                  << line["units"].integer() << " units " << line["earnings"].to_string() << '\n';
    }
}

/* Where there are many rows, columns are looked up once a batch. */
void print_free_installs(const tillroll::db &shop) {
    const auto charges = tillroll::query().columns({"sku", "units", "sales"}).where("type", "charge");
    const tillroll::money nothing(0, 0);
    std::int64_t units = 0;
    for (const auto &batch : shop.sales().scan(charges).batches()) {
        const auto sold = batch.column("units"), sales = batch.column("sales");
        for (std::size_t row = 0; row < batch.size(); row++) {
            if (!sales.is_null(row) && sales.money(row) == nothing) units += sold.integer(row);
        }
    }
    std::cout << units << " free\n";
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 3) {
        std::cerr << "usage: " << argv[0] << " DATABASE REPORTS...\n";
        return 2;
    }
    try {
        const tillroll::db shop(argv[1]);
        import_reports(shop, {argv + 2, argv + argc});
        print_months(shop);
        print_free_installs(shop);
    } catch (const tillroll::import_error &failed) {
        std::cerr << failed.what() << '\n' << failed.failures() << '\n';
        return 1;
    } catch (const tillroll::error &failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
