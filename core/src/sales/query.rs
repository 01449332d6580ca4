//! What is asked of the sales: a scan's columns or a report's groups and measures, and which rows count.

use std::fmt;

use serde_json::Value as Json;

use crate::day::{Day, Period};
use crate::error::{Error, FieldErrors, Result, quoted};
use crate::ingest::{Kind, StoreKind};

use super::schema::{PRODUCT, TYPES};

/// Defines an enum with one text form a variant.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in queries and results.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

names! {
    /// What a report can be grouped by. Days are the store's own calendar days.
    By {
        /// The store's calendar date.
        Day = "day",
        /// The Monday of the ISO week.
        Week = "week",
        /// The first day of the month.
        Month = "month",
        /// The first day of the quarter.
        Quarter = "quarter",
        /// The first day of the year.
        Year = "year",
        /// The external account's id.
        Account = "account",
        /// `apple`, `google_play` or `amazon`.
        Store = "store",
        /// The kind of report, e.g. `amazon-sales`.
        Kind = "kind",
        /// The report's period, e.g. `2018-03`.
        Period = "period",
        /// The product's id.
        Product = "product",
        /// The lowest product id of the product's group, its own where it is in none.
        ProductGroup = "product_group",
        /// The publisher's own identifier of the item.
        Sku = "sku",
        /// The app's title.
        Title = "title",
        /// The buyer's country or region code.
        Country = "country",
        /// The store's regional site.
        Marketplace = "marketplace",
        /// The currency of `sales`.
        Currency = "currency",
        /// The currency of `earnings`.
        EarningsCurrency = "earnings_currency",
        /// `charge`, `refund` …
        Type = "type",
        /// The store's own text for what was sold.
        ItemType = "item_type",
        /// The length of a subscription.
        Term = "term",
    }
}

names! {
    /// What a report counts or sums.
    Measure {
        /// Net units: refunds subtract.
        Units = "units",
        /// Units before refunds.
        GrossUnits = "gross_units",
        /// Units given back, as a positive number.
        RefundUnits = "refund_units",
        /// Net units of all types, re-downloads, updates and restores too.
        AllUnits = "all_units",
        /// What buyers paid; needs one currency a group.
        Sales = "sales",
        /// What the publisher gets; needs one earnings currency a group.
        Earnings = "earnings",
        /// The number of rows.
        Rows = "rows",
    }
}

names! {
    /// Text columns that rows can be chosen by.
    Dimension {
        /// The publisher's own identifier of the item.
        Sku = "sku",
        /// The app that an in-app item belongs to.
        ParentSku = "parent_sku",
        /// The app's title.
        Title = "title",
        /// The in-app item's name.
        ItemName = "item_name",
        /// The buyer's country or region code.
        Country = "country",
        /// The store's regional site.
        Marketplace = "marketplace",
        /// The currency of `sales`.
        Currency = "currency",
        /// The currency of `earnings`.
        EarningsCurrency = "earnings_currency",
        /// `charge`, `refund` …
        Type = "type",
        /// The store's own text for what was sold.
        ItemType = "item_type",
        /// The length of a subscription.
        Term = "term",
    }
}

/// A sort key of a report: one of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column's name.
    pub column: String,
    /// Largest first.
    pub descending: bool,
}

impl From<&str> for Order {
    /// Reads `units` or, for the largest first, `-units`.
    fn from(text: &str) -> Self {
        let (column, descending) = text.strip_prefix('-').map_or((text, false), |column| (column, true));
        Self { column: column.to_owned(), descending }
    }
}

/// An edge of the window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The store's own calendar day.
    Day(i64),
    /// Microseconds since 1970, UTC.
    Instant(i64),
}

/// Which rows count; an empty list chooses nothing, `None` everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Where {
    pub(crate) accounts: Option<Vec<u64>>,
    pub(crate) stores: Option<Vec<StoreKind>>,
    pub(crate) kinds: Option<Vec<Kind>>,
    pub(crate) periods: Option<Vec<Period>>,
    pub(crate) start: Option<Edge>,
    pub(crate) end: Option<Edge>,
    /// `None` among the ids chooses the rows that have no product.
    pub(crate) products: Option<Vec<Option<u64>>>,
    /// As `products`, for any products of the groups that are meant.
    pub(crate) product_groups: Option<Vec<Option<u64>>>,
    /// Whether the children of these products are meant as well.
    pub(crate) include_inapps: bool,
    /// `None` among the values chooses the rows that have no value.
    pub(crate) texts: Vec<(Dimension, Vec<Option<String>>)>,
}

impl Where {
    /// The values a dimension is held to.
    pub(crate) fn texts_of(&self, dimension: Dimension) -> Option<&[Option<String>]> {
        self.texts.iter().find(|(one, _)| *one == dimension).map(|(_, values)| values.as_slice())
    }

    /// Whether it tells rows by their products.
    pub(crate) fn names_products(&self) -> bool {
        self.products.is_some() || self.product_groups.is_some()
    }

    /// Whether it leaves whole reports out by what they are of.
    pub(crate) fn names_reports(&self) -> bool {
        self.accounts.is_some() || self.stores.is_some() || self.kinds.is_some() || self.periods.is_some()
    }

    /// Whether a dimension is held to just one value.
    pub(crate) fn pins(&self, dimension: Dimension) -> bool {
        self.texts_of(dimension).is_some_and(|values| values.len() == 1)
    }
}

/// A question to the sales. What is wrong with it is told, all at once, when it is asked.
///
/// ```
/// use tillroll_core::{By, Dimension, Measure, Query};
///
/// let query = Query::new()
///     .by([By::Month, By::Country])
///     .measures([Measure::Units, Measure::Earnings])
///     .only(Dimension::Currency, ["EUR"])
///     .start("2018-01-01")
///     .order_by(["-units"]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub(crate) by: Vec<By>,
    pub(crate) measures: Option<Vec<Measure>>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) order: Vec<Order>,
    pub(crate) limit: Option<u64>,
    pub(crate) combine_inapps: bool,
    pub(crate) binary_ids: bool,
    pub(crate) filter: Where,
    faults: FieldErrors,
}

impl Query {
    /// All rows; a report without groups counts their units.
    pub fn new() -> Self {
        Self::default()
    }

    /// Groups a report, in this order of columns.
    #[must_use]
    pub fn by(mut self, by: impl IntoIterator<Item = By>) -> Self {
        self.by = by.into_iter().collect();
        self
    }

    /// What a report counts or sums, in this order of columns; [`Measure::Units`] unless told.
    #[must_use]
    pub fn measures(mut self, measures: impl IntoIterator<Item = Measure>) -> Self {
        self.measures = Some(measures.into_iter().collect());
        self
    }

    /// The columns of a scan; all unless told.
    #[must_use]
    pub fn columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Sorts a report by its columns, `-` before a name for the largest first; by its groups unless told.
    #[must_use]
    pub fn order_by<'a>(mut self, order: impl IntoIterator<Item = &'a str>) -> Self {
        self.order = order.into_iter().map(Order::from).collect();
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Whether a report counts the rows of in-app items among their app, on the axes [`By::Product`] and
    /// [`By::ProductGroup`] (there among the app's group); not unless told. Items whose app is not known stay their own. A
    /// filter by product then means its items as well, as with [`Self::include_inapps`].
    #[must_use]
    pub fn combine_inapps(mut self, combine: bool) -> Self {
        self.combine_inapps = combine;
        self.filter.include_inapps |= combine;
        self
    }

    /// Whether a scan gives transaction ids as their 16 bytes (`FixedSizeBinary(16)`) instead of as text; not unless
    /// told. That is faster and takes less memory where all ids are UUIDs in small letters; the scan fails at one that
    /// is not, since its bytes would not tell its text.
    #[must_use]
    pub fn binary_ids(mut self, binary: bool) -> Self {
        self.binary_ids = binary;
        self
    }

    /// Only these external accounts, by id.
    #[must_use]
    pub fn accounts(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.filter.accounts = Some(ids.into_iter().collect());
        self
    }

    /// Only these stores.
    #[must_use]
    pub fn stores(mut self, stores: impl IntoIterator<Item = StoreKind>) -> Self {
        self.filter.stores = Some(stores.into_iter().collect());
        self
    }

    /// Only these kinds of report.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.filter.kinds = Some(kinds.into_iter().collect());
        self
    }

    /// Only reports of these periods, e.g. `2018-03`.
    #[must_use]
    pub fn periods<'a>(mut self, periods: impl IntoIterator<Item = &'a str>) -> Self {
        let parsed: Vec<_> = periods.into_iter().filter_map(|text| self.parse("period", text)).collect();
        self.filter.periods = Some(parsed);
        self
    }

    /// Only these products, by id.
    #[must_use]
    pub fn products(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.filter.products = Some(ids.into_iter().map(Some).collect());
        self
    }

    /// Only the products of these groups, by the id of any product in it; one that is in no group is meant alone.
    #[must_use]
    pub fn product_groups(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.filter.product_groups = Some(ids.into_iter().map(Some).collect());
        self
    }

    /// Whether the in-app items of the products in [`Self::products`] and [`Self::product_groups`] are meant as well;
    /// not unless told.
    #[must_use]
    pub fn include_inapps(mut self, include: bool) -> Self {
        self.filter.include_inapps = include;
        self
    }

    /// From this day on (`2018-03-05`, in the store's own days) or from this instant on (`2018-03-05T12:00:00Z`;
    /// without an offset: UTC). A day goes by the row's own date; a row of Apple's has its report's first day.
    #[must_use]
    pub fn start(mut self, start: &str) -> Self {
        self.filter.start = self.edge("start", start);
        self
    }

    /// Before this day or instant, which itself is excluded.
    #[must_use]
    pub fn end(mut self, end: &str) -> Self {
        self.filter.end = self.edge("end", end);
        self
    }

    /// Only rows with one of these texts, to the letter.
    #[must_use]
    pub fn only<S: Into<String>>(self, dimension: Dimension, values: impl IntoIterator<Item = S>) -> Self {
        self.only_or_null(dimension, values.into_iter().map(|value| Some(value.into())))
    }

    /// As [`Self::only`]; `None` chooses the rows that have no value.
    #[must_use]
    pub fn only_or_null(
        mut self,
        dimension: Dimension,
        values: impl IntoIterator<Item = Option<String>>,
    ) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        if dimension == Dimension::Type {
            self.check_types(&values);
        }
        self.filter.texts.retain(|(one, _)| *one != dimension);
        self.filter.texts.push((dimension, values));
        self
    }

    fn check_types(&mut self, values: &[Option<String>]) {
        for value in values.iter().flatten().filter(|value| !TYPES.contains(&value.as_str())) {
            self.fault("type", format!("{} is none of {}", quoted(value), TYPES.join(", ")));
        }
    }

    fn parse<T: std::str::FromStr>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        text.trim().parse().map_err(|error: T::Err| self.fault(field, error.to_string())).ok()
    }

    fn edge(&mut self, field: &str, text: &str) -> Option<Edge> {
        let edge = parse_edge(text);
        if edge.is_none() {
            self.fault(field, format!("{} is neither a date (2018-03-05) nor an ISO time", quoted(text)));
        }
        edge
    }

    pub(crate) fn fault(&mut self, field: &str, message: String) {
        self.faults.entry(field.to_owned()).or_default().push(message);
    }

    /// The query, if there is nothing wrong with it.
    pub(crate) fn checked(&self) -> Result<&Self> {
        if self.faults.is_empty() { Ok(self) } else { Err(Error::Validation { fields: self.faults.clone() }) }
    }

    /// Whether a report needs to know which product a row is of.
    pub(crate) fn reports_products(&self) -> bool {
        let of_products = |by: &By| matches!(by, By::Product | By::ProductGroup);
        self.filter.names_products() || self.by.iter().any(of_products)
    }

    /// Whether a scan needs to know it.
    pub(crate) fn scans_products(&self) -> bool {
        let is_asked = |columns: &Vec<String>| columns.iter().any(|column| column == PRODUCT);
        self.filter.names_products() || self.columns.as_ref().is_none_or(is_asked)
    }

    /// Reads a query from JSON with the argument names of the Python face: `columns`, `by`, `measures`, `order_by`,
    /// `limit`, `combine_inapps`, `binary_ids`, and each `where` argument with one value or a list of them. `null` stands for "not given".
    ///
    /// # Errors
    /// [`Error::Validation`] with every unknown name and every value that does not fit.
    pub fn from_json(json: &Json) -> Result<Self> {
        let mut query = Self::new();
        let Json::Object(arguments) = json else {
            return Err(Error::invalid("query", "is not a JSON object"));
        };
        for (name, value) in arguments.iter().filter(|(_, value)| !value.is_null()) {
            query = query.argument(name, value);
        }
        query.checked()?;
        Ok(query)
    }

    fn argument(mut self, name: &str, value: &Json) -> Self {
        match name {
            "by" => {
                let by = self.listed(name, value, parse_by);
                self.by(by)
            }
            "measures" => {
                let measures = self.listed(name, value, |text| {
                    Measure::parse(text)
                        .ok_or_else(|| unknown(text, Measure::ALL.iter().map(|one| one.name())))
                });
                self.measures(measures)
            }
            "columns" => {
                let columns = self.listed(name, value, |text| Ok(text.to_owned()));
                self.columns(columns)
            }
            "order_by" => {
                self.order = self.listed(name, value, |text| Ok(Order::from(text)));
                self
            }
            "limit" => {
                self.limit = value.as_u64();
                if self.limit.is_none() {
                    self.fault(name, format!("{} is not a number of rows", shown(value)));
                }
                self
            }
            "combine_inapps" => {
                let combine = self.truth(name, value);
                self.combine_inapps(combine)
            }
            "binary_ids" => {
                let binary = self.truth(name, value);
                self.binary_ids(binary)
            }
            _ => self.where_argument(name, value),
        }
    }

    fn where_argument(mut self, name: &str, value: &Json) -> Self {
        match name {
            "account" => self.account_argument(value),
            "store" => {
                let stores = self.listed(name, value, parsed);
                self.stores(stores)
            }
            "kind" => {
                let kinds = self.listed(name, value, parsed);
                self.kinds(kinds)
            }
            "period" => {
                let texts = self.listed(name, value, |text| Ok(text.to_owned()));
                self.periods(texts.iter().map(String::as_str))
            }
            "start" | "end" => self.edge_argument(name, value),
            "product" => {
                self.filter.products = Some(self.product_ids(name, value));
                self
            }
            "product_group" => {
                self.filter.product_groups = Some(self.product_ids(name, value));
                self
            }
            "include_inapps" => {
                let include = self.truth(name, value);
                self.include_inapps(include)
            }
            _ => self.text_argument(name, value),
        }
    }

    fn account_argument(mut self, value: &Json) -> Self {
        let ids: Vec<_> = items(value).iter().map(|item| (item.as_u64(), shown(item))).collect();
        for (_, text) in ids.iter().filter(|(id, _)| id.is_none()) {
            self.fault("account", format!("{text} is not the id of an account"));
        }
        self.accounts(ids.into_iter().filter_map(|(id, _)| id))
    }

    fn truth(&mut self, name: &str, value: &Json) -> bool {
        if !value.is_boolean() {
            self.fault(name, format!("{} is neither true nor false", shown(value)));
        }
        value.as_bool().unwrap_or_default()
    }

    fn product_ids(&mut self, name: &str, value: &Json) -> Vec<Option<u64>> {
        let mut ids = Vec::new();
        for item in items(value) {
            match item.as_u64() {
                None if !item.is_null() => {
                    self.fault(name, format!("{} is not the id of a product", shown(item)))
                }
                id => ids.push(id),
            }
        }
        ids
    }

    fn edge_argument(mut self, name: &str, value: &Json) -> Self {
        match (name, value.as_str()) {
            ("start", Some(text)) => self.start(text),
            (_, Some(text)) => self.end(text),
            (_, None) => {
                self.fault(name, format!("{} is not a date or an ISO time", shown(value)));
                self
            }
        }
    }

    fn text_argument(mut self, name: &str, value: &Json) -> Self {
        let Some(dimension) = Dimension::parse(name) else {
            self.fault(name, "is not an argument of a query".to_owned());
            return self;
        };
        let mut values = Vec::new();
        for item in items(value) {
            match item {
                Json::String(text) => values.push(Some(text.clone())),
                Json::Null => values.push(None),
                other => self.fault(name, format!("{} is not a text", shown(other))),
            }
        }
        self.only_or_null(dimension, values)
    }

    /// One text or a list of texts, each read by `parse`.
    fn listed<T>(&mut self, name: &str, value: &Json, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut list = Vec::new();
        for item in items(value) {
            let text = item.as_str().ok_or_else(|| format!("{} is not a text", shown(item)));
            match text.and_then(&parse) {
                Ok(one) => list.push(one),
                Err(message) => self.fault(name, message),
            }
        }
        list
    }
}

/// A value as a list of one, a list as it is.
fn items(value: &Json) -> &[Json] {
    match value {
        Json::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn parse_by(text: &str) -> Result<By, String> {
    By::parse(text).ok_or_else(|| unknown(text, By::ALL.iter().map(|one| one.name())))
}

fn parsed<T: std::str::FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: Error| match error {
        Error::Validation { fields } => fields.into_values().flatten().collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    })
}

/// A value for a message, cut.
fn shown(json: &Json) -> String {
    const SHOWN: usize = 40;
    json.as_str().map_or_else(|| json.to_string().chars().take(SHOWN).collect(), quoted)
}

fn unknown(text: &str, known: impl Iterator<Item = &'static str>) -> String {
    format!("{} is none of {}", quoted(text), known.collect::<Vec<_>>().join(", "))
}

fn parse_edge(text: &str) -> Option<Edge> {
    let text = text.trim();
    if let Ok(day) = text.parse::<Day>() {
        return Some(Edge::Day(i64::from(day.0)));
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(Edge::Instant(instant.as_microsecond()));
    }
    // jiff takes a bare date for midnight; that would be another question than the store's own day.
    if !text.contains(['T', 't', ' ']) {
        return None;
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let instant = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Edge::Instant(instant.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(json: &Json) -> Vec<String> {
        match Query::from_json(json) {
            Err(Error::Validation { fields }) => fields.into_keys().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_every_argument() {
        let query = Query::from_json(&json!({
            "by": ["month", "currency"], "measures": "earnings", "order_by": ["-earnings", "month"], "limit": 3,
            "account": [1, 2], "store": "amazon_appstore", "kind": ["amazon-sales"], "period": "2018-03",
            "start": "2018-03-01", "end": "2018-04-01T00:00:00+02:00", "sku": ["b", "a", null], "term": null,
            "product": [7, null], "include_inapps": true, "product_group": 3, "combine_inapps": true,
            "binary_ids": true,
        }))
        .unwrap();
        assert_eq!(query.by, [By::Month, By::Currency]);
        assert_eq!(query.measures, Some(vec![Measure::Earnings]));
        assert_eq!(query.order, [Order::from("-earnings"), Order::from("month")]);
        assert_eq!(query.limit, Some(3));
        assert_eq!(query.filter.accounts, Some(vec![1, 2]));
        assert_eq!(query.filter.stores, Some(vec![StoreKind::Amazon]));
        assert_eq!(query.filter.products, Some(vec![Some(7), None]));
        assert_eq!(query.filter.product_groups, Some(vec![Some(3)]));
        assert!(query.filter.include_inapps && query.combine_inapps && query.reports_products());
        assert!(query.binary_ids);
        assert_eq!(query.filter.start, Some(Edge::Day(17_591)));
        assert_eq!(query.filter.end, Some(Edge::Instant(1_522_533_600_000_000)));
        let skus = [None, Some("a".to_owned()), Some("b".to_owned())];
        assert_eq!(query.filter.texts_of(Dimension::Sku), Some(&skus[..]));
        assert_eq!(query.filter.texts_of(Dimension::Term), None);
    }

    #[test]
    fn names_every_fault_at_once() {
        let query = json!({
            "by": ["moth"], "measures": [1], "limit": -1, "account": "x", "store": "steam",
            "kind": "x", "period": "March", "start": 3, "end": "tomorrow", "type": "sale", "colour": "red",
            "product": "x", "include_inapps": 1, "sku": 7, "product_group": 1.5, "combine_inapps": "yes",
            "binary_ids": 1,
        });
        let named = faults(&query);
        let mut expected: Vec<_> = query.as_object().unwrap().keys().cloned().collect();
        expected.sort();
        assert_eq!(named, expected);
    }

    #[test]
    fn a_time_without_offset_is_utc_and_a_bare_date_the_stores_own() {
        assert_eq!(parse_edge("2018-03-05 12:00"), parse_edge("2018-03-05T12:00:00Z"));
        assert_eq!(parse_edge("1970-01-02"), Some(Edge::Day(1)));
        assert_eq!(parse_edge("2018-03"), None);
    }
}
