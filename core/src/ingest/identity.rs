//! Which report a file is: its period and part, by FORMATS.md. Nothing here reads a file.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Dates, Kind, Months, span};
use crate::day::Period;
use crate::{Error, Result};

/// The months that a file name names (`2018-03`, `2018_03` or `201803`), without repeats, in their order in the name.
/// Only years from 2000 to 2099 count.
pub fn month_names(name: &str) -> Vec<(i16, u8)> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).as_bytes();
    let mut seen = BTreeSet::new();
    let starts = (0..base.len()).filter(|&at| at == 0 || !digit_at(base, at - 1));
    starts.filter_map(|at| month_at(base.get(at..)?)).filter(|month| seen.insert(*month)).collect()
}

fn digit_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// The month at the start of a text whose digits end with it.
fn month_at(text: &[u8]) -> Option<(i16, u8)> {
    let (year, rest) = text.split_first_chunk::<4>()?;
    let rest = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b"_")).unwrap_or(rest);
    let (month, rest) = rest.split_first_chunk::<2>()?;
    if digit_at(rest, 0) {
        return None;
    }
    let year: i16 = std::str::from_utf8(year).ok()?.parse().ok()?;
    let month: u8 = std::str::from_utf8(month).ok()?.parse().ok()?;
    ((2000..=2099).contains(&year) && (1..=12).contains(&month)).then_some((year, month))
}

/// Which part of its period a file holds. Google's earnings come in several archives a month, told apart by the
/// archive's name; Amazon's bare members end in a counter; everything else is the only part, `0`, as are all of Apple's.
pub fn part(kind: Kind, file_name: &str, is_container: bool) -> String {
    let stem = stem(file_name);
    if kind == Kind::AppleSales {
        return "0".to_owned();
    }
    if kind == Kind::GoogleEarnings && is_container {
        // `PlayApps_202106.csv.gz` is what it holds.
        return self::stem(stem).to_owned();
    }
    counter(stem).filter(|_| !is_container).map_or_else(|| "0".to_owned(), |counter| counter.to_string())
}

/// A file name without folders, extension and the ` (1)` that browsers add.
pub(super) fn stem(name: &str) -> &str {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = match base.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => base,
    };
    let copy = |text: &str| {
        text.strip_suffix(')')?.rsplit_once(" (").filter(|(_, n)| is_number(n)).map(|(s, _)| s.len())
    };
    copy(stem).and_then(|len| stem.get(..len)).unwrap_or(stem)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number in `…-NNNNN`.
fn counter(stem: &str) -> Option<u32> {
    let (_, number) = stem.rsplit_once('-')?;
    if number.len() == 5 && is_number(number) { number.parse().ok() } else { None }
}

/// The period of one member's rows: what the caller says, else the month in its name, else the month of most rows. Apple's
/// rows name their period themselves.
///
/// `names` are tried in turn: a zip member's own name comes before its archive's. A month in a name must have rows, or
/// the month before it must (Amazon's monthly files hold some of the month before); without any rows it is believed.
///
/// # Errors
/// `Format` naming the month of the name and those of the rows where they do not fit, or asking for `period=` where
/// nothing settles it.
pub fn period(
    kind: Kind,
    path: &Path,
    names: &[&str],
    dates: &Dates,
    given: Option<Period>,
) -> Result<Period> {
    let months = &dates.months;
    if let Some(given) = given {
        return span::agrees(path, dates, given).map(|()| given);
    }
    if kind == Kind::AppleSales {
        return span::period(path, names, dates);
    }
    let named =
        names.iter().map(|name| month_names(name)).find(|months| !months.is_empty()).unwrap_or_default();
    let fits = |month: &(i16, u8)| {
        months.is_empty() || months.contains_key(month) || months.contains_key(&before(*month))
    };
    let fitting: Vec<_> = named.iter().copied().filter(fits).collect();
    match (fitting.as_slice(), named.as_slice()) {
        ([month], _) => to_period(path, *month),
        ([], []) => to_period(path, of_most_rows(path, months)?),
        ([], named) => {
            let detail = format!(
                "the name says {} but the rows are of {}: give period= if the file is right",
                listed(named.iter()),
                listed(months.keys())
            );
            Err(Error::format(path, None, detail))
        }
        (several, _) => Err(ask(path, &format!("the name says {}", listed(several.iter())))),
    }
}

fn of_most_rows(path: &Path, months: &Months) -> Result<(i16, u8)> {
    let most = months.values().max().copied().unwrap_or_default();
    let mut best = months.iter().filter(|(_, rows)| **rows == most).map(|(month, _)| *month);
    match (best.next(), best.next()) {
        (Some(month), None) => Ok(month),
        (None, _) => Err(ask(path, "neither name nor rows tell the month")),
        (Some(one), Some(other)) => {
            Err(ask(path, &format!("as many rows are of {}", listed([one, other].iter()))))
        }
    }
}

fn ask(path: &Path, why: &str) -> Error {
    Error::format(path, None, format!("{why}: say which month it is with period="))
}

fn before((year, month): (i16, u8)) -> (i16, u8) {
    if month == 1 { (year - 1, 12) } else { (year, month - 1) }
}

fn to_period(path: &Path, (year, month): (i16, u8)) -> Result<Period> {
    Period::month(i32::from(year), month).ok_or_else(|| ask(path, "the rows are of no month"))
}

fn listed<'a>(months: impl Iterator<Item = &'a (i16, u8)>) -> String {
    months.map(|(year, month)| format!("{year:04}-{month:02}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str], months: &[((i16, u8), u64)]) -> Result<String, String> {
        let dates = Dates { months: months.iter().copied().collect(), ..Dates::default() };
        let found = period(Kind::AmazonSales, Path::new("f"), names, &dates, None);
        found.map(|period| period.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn months_in_names() {
        for (name, months) in [
            ("sales_2018_03.gz", vec![(2018, 3)]),
            ("sales-2022-03-00000.csv", vec![(2022, 3)]),
            ("salesreport_202111.zip", vec![(2021, 11)]),
            ("reports.2017/sales_2018_12 (1).gz", vec![(2018, 12)]),
            ("85923_sales_201803", vec![(2018, 3)]),
            ("2018-03 and 2018_03 and 201804", vec![(2018, 3), (2018, 4)]),
            ("sales_2018_13.gz", vec![]),
            ("sales_20180305.gz", vec![]),
            ("sales_1218_03.gz", vec![]),
            ("sales_12018_03.gz", vec![]),
            ("201803\u{e9}", vec![(2018, 3)]),
            ("2018", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(month_names(name), months, "{name}");
        }
    }

    #[test]
    fn parts() {
        let amazon = |name, container| part(Kind::AmazonSales, name, container);
        assert_eq!(amazon("sales_2018_10.gz", true), "0");
        assert_eq!(amazon("sales-2018-10-00000.csv", false), "0");
        assert_eq!(amazon("x/sales-2018-10-00012.csv", false), "12");
        assert_eq!(amazon("sales-2018-10-00012 (1).csv", false), "12");
        assert_eq!(amazon("sales-2018-10-00012.csv.gz", true), "0");
        assert_eq!(amazon("sales-2018-10.csv", false), "0");
        assert_eq!(amazon("sales-201810.csv", false), "0");
        let earnings = |name, container| part(Kind::GoogleEarnings, name, container);
        assert_eq!(earnings("earnings_202106_123-4.zip", true), "earnings_202106_123-4");
        assert_eq!(earnings("earnings_202106_123-4 (1).zip", true), "earnings_202106_123-4");
        assert_eq!(earnings("PlayApps_202106.csv", false), "0");
    }

    #[test]
    fn a_name_must_fit_the_rows() {
        assert_eq!(of(&["sales_2018_03.gz"], &[((2018, 3), 5)]).unwrap(), "2018-03");
        assert_eq!(of(&["sales_2018_03.gz"], &[((2018, 2), 1)]).unwrap(), "2018-03");
        assert_eq!(of(&["sales_2018_01.gz"], &[((2017, 12), 1)]).unwrap(), "2018-01");
        assert_eq!(of(&["sales_2018_03.gz"], &[]).unwrap(), "2018-03");
        let error = of(&["sales_2018_03.gz"], &[((2018, 4), 9), ((2018, 5), 1)]).unwrap_err();
        assert!(error.contains("2018-03") && error.contains("2018-04, 2018-05"), "{error}");
    }

    #[test]
    fn names_come_in_turn() {
        let rows = [((2018, 11), 1)];
        assert_eq!(of(&["sales-2018-11-00000.csv", "sales_2018_10.zip"], &rows).unwrap(), "2018-11");
        assert_eq!(of(&["data.csv", "sales_2018_11.zip"], &rows).unwrap(), "2018-11");
        assert_eq!(of(&["2018-03_2018-11.csv"], &rows).unwrap(), "2018-11");
        assert!(of(&["2018-11_2018-12.csv"], &rows).unwrap_err().contains("period="));
    }

    #[test]
    fn without_a_name_most_rows_count() {
        assert_eq!(of(&["report.gz"], &[((2018, 3), 9), ((2018, 2), 1)]).unwrap(), "2018-03");
        assert!(of(&["report.gz"], &[((2018, 3), 1), ((2018, 2), 1)]).unwrap_err().contains("period="));
        assert!(of(&["report.gz"], &[]).unwrap_err().contains("period="));
    }

    #[test]
    fn what_is_given_counts() {
        let given: Period = "2018-05".parse().unwrap();
        let dates = Dates { months: [((2018, 4), 1)].into_iter().collect(), ..Dates::default() };
        for kind in Kind::ALL {
            let found = period(kind, Path::new("f"), &["sales_2018_03.gz"], &dates, Some(given));
            assert_eq!(found.unwrap(), given);
        }
    }
}
