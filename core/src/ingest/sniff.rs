//! What a file is, told by its first bytes and its header line.

use super::Kind;
use super::fields::{Dialect, Record, Splitter};
use super::foreign;
use super::header::Header;

/// Names of which a report of the kind has at least so many.
const SIGNATURES: &[(Looks, usize, &[&str])] = &[
    (
        Looks::Kind(Kind::AmazonSales),
        4,
        &[
            "marketplace",
            "countryregioncode",
            "invoiceid",
            "transactiontime",
            "transactiontype",
            "vendorsku",
            "inappsubscriptionterm",
            "marketplacecurrency",
            "salespricemarketplacecurrency",
            "estimatedearningsmarketplacecurrency",
        ],
    ),
    (
        Looks::Kind(Kind::GoogleSales),
        4,
        &[
            "ordernumber",
            "orderchargeddate",
            "orderchargedtimestamp",
            "financialstatus",
            "currencyofsale",
            "chargedamount",
        ],
    ),
    (
        Looks::Kind(Kind::GoogleEarnings),
        4,
        &[
            "transactiondate",
            "taxtype",
            "refundtype",
            "buyercurrency",
            "merchantcurrency",
            "amountmerchantcurrency",
        ],
    ),
    (
        Looks::Kind(Kind::AppleSales),
        5,
        &[
            "provider",
            "providercountry",
            "producttypeidentifier",
            "units",
            "begindate",
            "enddate",
            "customercurrency",
            "countrycode",
            "appleidentifier",
            "customerprice",
        ],
    ),
];

/// What a header looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// A report of this kind, perhaps with columns missing.
    Kind(Kind),
    /// Another report of a store's, with its name.
    Foreign(&'static str),
    /// Nothing known.
    Unknown,
}

impl Looks {
    /// For an error: what it is, as far as can be told.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Kind(kind) => format!("an {kind} report"),
            Self::Foreign(name) => name.to_owned(),
            Self::Unknown => "no sales report known".to_owned(),
        }
        .replace("an google", "a google")
    }
}

/// The beginning of a text, understood.
#[derive(Debug)]
pub(super) struct Head {
    pub dialect: Dialect,
    pub header: Header,
    pub looks: Looks,
    /// Where the first row begins, and on which line (0-based).
    pub rows_at: usize,
    pub rows_line: u64,
}

/// Reads the header out of a text's beginning, which holds at least its first record.
///
/// # Errors
/// The fault of a file without a header line, with the line it is on.
pub(super) fn read_head(text: &[u8]) -> Result<Head, (Option<u64>, String)> {
    if text.trim_ascii().is_empty() {
        return Err((None, "the file is empty".to_owned()));
    }
    if let Some(what) = not_a_table(text) {
        return Err((None, format!("{what}, not a sales report")));
    }
    let dialect = dialect_of(text);
    let mut splitter = Splitter::new(text, dialect);
    let (mut record, mut line) = (Record::default(), 0);
    while splitter.next(&mut record) && record.is_empty_line() {
        line += 1;
    }
    let cells: Vec<_> = (0..record.len()).filter_map(|cell| record.field(text, cell)).collect();
    let names: Result<Vec<_>, _> = cells.into_iter().map(std::str::from_utf8).collect();
    let names = names.map_err(|_| (Some(line + 1), "the header line is not UTF-8 text".to_owned()))?;
    let header = Header::new(names);
    let looks = looks_of(&header);
    let rows_line = line + 1 + record.inner_lines;
    Ok(Head { dialect, header, looks, rows_at: splitter.position(), rows_line })
}

fn looks_of(header: &Header) -> Looks {
    let is_foreign = |(_, least, keys): &&(_, usize, &[&str])| header.count(keys) >= *least;
    let foreign = foreign::SIGNATURES.iter().filter(is_foreign);
    if let Some((name, ..)) = foreign.max_by_key(|(_, _, keys)| header.count(keys)) {
        return Looks::Foreign(name);
    }
    if foreign::is_newer_finance(header) {
        return Looks::Foreign(foreign::APPLE_FINANCE);
    }
    let fits = SIGNATURES.iter().filter(|(_, least, keys)| header.count(keys) >= *least);
    fits.max_by_key(|(_, _, keys)| header.count(keys)).map_or(Looks::Unknown, |(looks, _, _)| *looks)
}

/// Tab-separated where the first line that is not empty has more tabs than commas.
fn dialect_of(text: &[u8]) -> Dialect {
    let line =
        text.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let count = |wanted| memchr::memchr_iter(wanted, line).count();
    if count(b'\t') > count(b',') { Dialect::TSV } else { Dialect::CSV }
}

/// What a text that cannot be a table is.
fn not_a_table(text: &[u8]) -> Option<&'static str> {
    let start = text.trim_ascii_start();
    let is = |magic: &[u8]| text.starts_with(magic);
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if is(b"\x1F\x8B") || is(b"PK\x03\x04") {
        Some("this is a container within a container: unpack it once")
    } else if is(b"%PDF") {
        Some("this is a PDF document")
    } else if is(b"BZh") || is(b"\xFD7zXZ") || is(b"\x28\xB5\x2F\xFD") || is(b"7z\xBC\xAF") || is(b"Rar!") {
        Some("this is compressed in a way that is not read (gzip and zip are)")
    } else if start.starts_with(b"<") {
        Some("this is an HTML or XML page (did the download fail?)")
    } else if start.starts_with(b"{") || start.starts_with(b"[") {
        Some("this is JSON (did the download fail?)")
    } else if memchr::memchr(0, line).is_some() {
        Some("this is binary data")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(header: &str) -> Looks {
        read_head(header.as_bytes()).unwrap().looks
    }

    #[test]
    fn tells_the_stores_apart() {
        let amazon =
            "Marketplace,Country/Region Code,Invoice ID,Transaction ID,Transaction Time,Transaction Type\n";
        assert_eq!(looks(amazon), Looks::Kind(Kind::AmazonSales));
        let apple = "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits\tBegin Date\n";
        assert_eq!(looks(apple), Looks::Kind(Kind::AppleSales));
        let finance =
            "Start Date\tEnd Date\tUPC\tQuantity\tPartner Share\tExtended Partner Share\tSales or Return\n";
        assert_eq!(looks(finance), Looks::Foreign("an Apple finance report"));
        let google =
            "Order Number,Order Charged Date,Order Charged Timestamp,Financial Status,Device Model\n";
        assert_eq!(looks(google), Looks::Kind(Kind::GoogleSales));
        let earnings = "Description,Transaction Date,Transaction Time,Tax Type,Transaction Type,Refund Type,Buyer Currency\n";
        assert_eq!(looks(earnings), Looks::Kind(Kind::GoogleEarnings));
        let newer = "Description,Transaction Date,Transaction Time,Package ID,SKU ID,Buyer Currency,Merchant Currency,\
            Amount (Merchant Currency)\n";
        assert_eq!(looks(newer), Looks::Kind(Kind::GoogleEarnings));
        assert_eq!(looks("a,b,c\n"), Looks::Unknown);
    }

    #[test]
    fn other_reports_of_google_have_names() {
        for (header, name) in [
            (
                "Date,Package Name,Country,Daily Device Installs,Daily Device Uninstalls\n",
                "statistics report",
            ),
            ("Date,Package Name,Daily Average Rating,Total Average Rating\n", "statistics report"),
            ("Date,Package Name,Daily Crashes,Daily ANRs\n", "statistics report"),
            ("Date,Package name,Traffic source,Store listing acquisitions\n", "statistics report"),
            (
                "Package Name,App Version Code,App Version Name,Reviewer Language,Device,Star Rating,Review Text\n",
                "report of reviews",
            ),
            (
                "Date,Product ID,Country,New Subscriptions,Cancelled Subscriptions,Active Subscriptions\n",
                "report of subscriptions",
            ),
        ] {
            assert_eq!(looks(header).describe(), format!("a Google Play {name}"), "{header}");
        }
        assert_eq!(looks("Date,Package Name,Country\n"), Looks::Unknown);
    }

    #[test]
    fn finds_the_first_row() {
        let head = read_head(b"\r\n\n\"a\nb\",c\r\n1,2\n").unwrap();
        assert_eq!(head.header.names, ["a\nb", "c"]);
        assert_eq!((head.rows_at, head.rows_line), (12, 4));
        assert_eq!(head.dialect, Dialect::CSV);
    }

    #[test]
    fn says_what_is_no_table() {
        let fault = |text: &[u8]| read_head(text).unwrap_err().1;
        assert_eq!(fault(b""), "the file is empty");
        assert_eq!(fault(b"\n \r\n"), "the file is empty");
        assert!(fault(b"  <!DOCTYPE html>").contains("HTML"));
        assert!(fault(b"{\"error\": 1}").contains("JSON"));
        assert!(fault(b"%PDF-1.4").contains("PDF"));
        assert!(fault(b"\x1F\x8B\x08").contains("container"));
        assert!(fault(b"abc\0\0\0").contains("binary"));
        assert_eq!(read_head(b"\na,\xFF\n").unwrap_err().0, Some(2));
    }
}
