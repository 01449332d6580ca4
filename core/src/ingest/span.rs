//! The period of Apple's reports: the rows name the first and the last day that they stand for, so that only a file
//! without rows needs its name.

use std::path::Path;

use super::Dates;
use super::identity::stem;
use crate::day::{Day, Period, PeriodUnit};
use crate::{Error, Result};

/// Spans that an error names.
const NAMED_MAX: usize = 5;

/// The period that all rows name: one day, a week from Monday to Sunday, a calendar month or year. Without rows that of
/// the first name that tells one.
///
/// # Errors
/// `Format` naming the spans where there are several, or where they are no such period; one that asks for `period=`
/// where there are no rows and no name tells it.
pub(super) fn period(path: &Path, names: &[&str], dates: &Dates) -> Result<Period> {
    let mut spans = dates.spans.keys();
    let fault = |detail: String| Err(Error::format(path, None, detail));
    match (spans.next(), spans.next()) {
        (None, _) => match names.iter().find_map(|name| named_period(name)) {
            Some(period) => Ok(period),
            None => fault(
                "there are no rows and the name tells no period: say which it is with period=".to_owned(),
            ),
        },
        (Some(span), None) => match exactly(*span) {
            Some(period) => Ok(period),
            None => fault(format!("the rows are of {}, which is no day, week, month or year", shown(span))),
        },
        _ => {
            let mut all: Vec<String> = dates.spans.keys().take(NAMED_MAX).map(shown).collect();
            if dates.spans.len() > NAMED_MAX {
                all.push("…".to_owned());
            }
            fault(format!("the rows are of several periods ({}): a report is of one", all.join(", ")))
        }
    }
}

/// Whether a file can be the report of the period that the caller gives: its rows must lie in it, and if all of them name
/// one period it must be that.
///
/// # Errors
/// `Format` naming the period and the rows' days.
pub(super) fn agrees(path: &Path, dates: &Dates, given: Period) -> Result<()> {
    let days = given.days();
    let outside = dates.spans.keys().find(|(first, last)| first.0 < days.start || last.0 >= days.end);
    let mut spans = dates.spans.keys();
    let own = match (spans.next(), spans.next()) {
        (Some(only), None) => exactly(*only).filter(|own| *own != given).map(|_| only),
        _ => None,
    };
    let Some(span) = outside.or(own) else { return Ok(()) };
    Err(Error::format(path, None, format!("period= says {given}, but the rows are of {}", shown(span))))
}

/// The period of just these days.
fn exactly((first, last): (Day, Day)) -> Option<Period> {
    let units = [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month, PeriodUnit::Year];
    let mut periods = units.into_iter().map(|unit| Period::containing(first, unit));
    periods.find(|period| period.days().start == first.0 && period.days().end - 1 == last.0)
}

fn shown((first, last): &(Day, Day)) -> String {
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

/// What Apple's names tell: `S_D_85000000_20201005.txt.gz` is a day's. The letter (D, W, M or Y) is the period's length,
/// the last number a day in it; that of a month or year may also be `YYYYMM`, of a year `YYYY`.
pub fn named_period(name: &str) -> Option<Period> {
    // Behind the name stand up to two extensions and, from browsers, a ` (1)`.
    let mut parts = stem(stem(name)).split('_');
    let unit = parts.find_map(unit)?;
    let number = parts.rfind(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
    let part = |from: usize, to: usize| number.get(from..to)?.parse::<i32>().ok();
    let (year, month, day) = match (number.len(), unit) {
        (8, _) => (part(0, 4)?, part(4, 6)?, part(6, 8)?),
        (6, PeriodUnit::Month | PeriodUnit::Year) => (part(0, 4)?, part(4, 6)?, 1),
        (4, PeriodUnit::Year) => (part(0, 4)?, 1, 1),
        _ => return None,
    };
    if !(2000..=2099).contains(&year) {
        return None;
    }
    let day = Day::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)?;
    Some(Period::containing(day, unit))
}

fn unit(part: &str) -> Option<PeriodUnit> {
    match part {
        "D" | "d" => Some(PeriodUnit::Day),
        "W" | "w" => Some(PeriodUnit::Week),
        "M" | "m" => Some(PeriodUnit::Month),
        "Y" | "y" => Some(PeriodUnit::Year),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spans: &[(&str, &str)], names: &[&str]) -> Result<String, String> {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let spans = spans.iter().map(|(first, last)| ((day(first), day(last)), 1)).collect();
        let dates = Dates { spans, ..Dates::default() };
        let found = period(Path::new("f"), names, &dates);
        found.map(|period| period.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_name_their_period() {
        for (first, last, text) in [
            ("2020-10-05", "2020-10-05", "2020-10-05"),
            ("2020-10-05", "2020-10-11", "2020-W41"),
            ("2020-12-28", "2021-01-03", "2020-W53"),
            ("2020-02-01", "2020-02-29", "2020-02"),
            ("2020-01-01", "2020-12-31", "2020"),
        ] {
            assert_eq!(of(&[(first, last)], &["S_D_1_20180101.txt"]).unwrap(), text);
        }
    }

    #[test]
    fn other_spans_are_named() {
        for (first, last) in [
            ("2020-10-04", "2020-10-10"),
            ("2020-02-01", "2020-02-28"),
            ("2020-10-05", "2020-10-04"),
            ("2020-10-05", "2020-10-12"),
            ("2020-01-01", "2020-03-31"),
        ] {
            let error = of(&[(first, last)], &[]).unwrap_err();
            assert!(error.contains(&format!("{first} to {last}, which is no day")), "{error}");
        }
        let two = [("2020-10-05", "2020-10-05"), ("2020-10-05", "2020-10-11")];
        let error = of(&two, &["S_D_1_20201005.txt"]).unwrap_err();
        assert!(error.contains("several periods (2020-10-05, 2020-10-05 to 2020-10-11)"), "{error}");
        let many: Vec<String> = (10..20).map(|day| format!("2020-10-{day}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|day| (day.as_str(), day.as_str())).collect();
        let error = of(&many, &[]).unwrap_err();
        assert!(error.contains("2020-10-14, …)") && !error.contains("2020-10-15"), "{error}");
    }

    #[test]
    fn names_tell_where_there_are_no_rows() {
        for (name, text) in [
            ("S_D_85000000_20201005.txt.gz", "2020-10-05"),
            ("reports/S_D_85000000_20201005 (1).txt", "2020-10-05"),
            ("S_D_85000000_20201005.txt (2).gz", "2020-10-05"),
            // The week's Sunday, and its Monday.
            ("S_W_85000000_20201011.txt.gz", "2020-W41"),
            ("S_W_85000000_20201005.txt.gz", "2020-W41"),
            ("S_M_85000000_20201001.txt", "2020-10"),
            ("S_M_85000000_202010.txt", "2020-10"),
            ("S_Y_85000000_20200101.txt", "2020"),
            ("s_y_85000000_2020", "2020"),
            ("Sales_D_85000000_20201005_v1.txt", "2020-10-05"),
        ] {
            assert_eq!(named_period(name).map(|period| period.to_string()).as_deref(), Some(text), "{name}");
            assert_eq!(of(&[], &["data.txt", name]).unwrap(), text);
        }
        for name in [
            "sales_20201005.txt",
            "S_D_85000000.txt",
            "S_D_85000000_20201305.txt",
            "S_D_85000000_202010.txt",
            "S_Q_85000000_20201005.txt",
            "S_D_85000000_12201005.txt",
            "S_D_.txt",
            "",
        ] {
            assert_eq!(named_period(name), None, "{name}");
        }
        assert!(of(&[], &["sales.txt"]).unwrap_err().contains("period="));
    }
}
