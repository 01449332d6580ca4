use proptest::prelude::*;

use super::*;

fn check(values: &[Option<&str>]) -> Vec<u8> {
    let mut page = Vec::new();
    encode(values, &mut page);
    let (mut out, mut nulls) = (Strings::default(), Validity::default());
    out.push("before");
    nulls.extend(1, true);
    decode(&page, values.len(), &mut out, &mut nulls).unwrap();
    assert_eq!(out.len(), values.len() + 1);
    let nulls = nulls.finish();
    for (row, value) in values.iter().enumerate() {
        assert_eq!(out.get(row + 1), value.unwrap_or_default(), "row {row}");
        assert_eq!(nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row + 1)), value.is_some(), "row {row}");
        let one = get(&page, values.len(), row).unwrap();
        assert_eq!(one.as_deref(), *value, "row {row}");
    }
    page
}

fn check_all(values: &[String]) -> Vec<u8> {
    check(&values.iter().map(|value| Some(value.as_str())).collect::<Vec<_>>())
}

/// Spreads a counter over all bits, so that every digit varies.
fn noise(i: u64) -> u64 {
    (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn uuid(i: u64) -> String {
    let (a, b) = (noise(i), noise(i + 1_000_000));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFF,
        b >> 52,
        b & 0xFFFF_FFFF_FFFF
    )
}

#[test]
fn identifiers_take_the_bytes_of_their_shape() {
    let rows = 4096;
    let uuids: Vec<String> = (0..rows).map(uuid).collect();
    let page = check_all(&uuids);
    assert_eq!((page[0], page.len() / 4096), (HEX, 15));
    let upper: Vec<String> = uuids.iter().map(|id| id.to_uppercase()).collect();
    assert_eq!(check_all(&upper)[0], HEX);
    let hashes: Vec<String> =
        (0..rows).map(|i| format!("{:016x}{:016x}{:08x}", noise(i), noise(i + 9), noise(i) >> 32)).collect();
    let page = check_all(&hashes);
    assert_eq!((page[0], page.len() / 4096), (HEX, 20));
    let invoices: Vec<String> = (0..rows)
        .map(|i| format!("D01-{:07}-{:07}", noise(i) % 10_000_000, noise(i + 7) % 10_000_000))
        .collect();
    let page = check_all(&invoices);
    assert_eq!((page[0], page.len() / 4096), (DIGITS, 6));
    let numbers: Vec<String> = (0..rows).map(|i| (noise(i) >> 24).to_string()).collect();
    let page = check_all(&numbers);
    assert_eq!((page[0], page.len() / 4096), (DECIMAL, 5));
}

/// The values as numbers, where their page can be read so.
fn uuids(values: &[Option<&str>]) -> Option<Vec<Option<u128>>> {
    let mut page = Vec::new();
    encode(values, &mut page);
    let (mut numbers, mut nulls) = (vec![7], Validity::default());
    nulls.extend(1, true);
    decode_uuids(&page, values.len(), &mut numbers, &mut nulls)?;
    for len in 0..page.len() {
        let cut = decode_uuids(&page[..len], values.len(), &mut Vec::new(), &mut Validity::default());
        assert!(cut.is_none(), "cut at {len}");
    }
    let nulls = nulls.finish();
    let valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    Some(numbers.iter().enumerate().skip(1).map(|(row, number)| valid(row).then_some(*number)).collect())
}

#[test]
fn uuids_are_read_as_numbers() {
    let texts: Vec<String> = (0..200).map(uuid).collect();
    let numbers = |values: &[Option<&str>]| -> Vec<Option<u128>> {
        values.iter().map(|value| value.and_then(crate::roll::uuid::parse)).collect()
    };
    let all: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
    let some: Vec<Option<&str>> = (0..).zip(&all).map(|(row, text)| text.filter(|_| row % 3 > 0)).collect();
    for values in [&all[..], &some, &all[..20]] {
        let read = uuids(values).unwrap();
        assert_eq!(read, numbers(values));
        assert!(read.iter().any(Option::is_some));
    }
    // What is alike in all rows is in the template, even where it stands at the beginning or at the end.
    let alike: Vec<String> = (10..90).map(|i| format!("0000abcd-0000-4000-8000-00000000{i:02x}ff")).collect();
    let alike: Vec<Option<&str>> = alike.iter().map(|text| Some(text.as_str())).collect();
    assert_eq!(uuids(&alike).unwrap(), numbers(&alike));
    for other in ["{}-", "{}0", "0x{}"] {
        let other: Vec<String> = texts.iter().map(|text| other.replace("{}", text)).collect();
        assert_eq!(uuids(&other.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>()), None);
    }
    let upper: Vec<String> = texts.iter().map(|text| text.to_uppercase()).collect();
    assert_eq!(uuids(&upper.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>()), None);
    let odd: Vec<Option<&str>> = all.iter().copied().chain([Some("odd")]).collect();
    assert_eq!(uuids(&odd), None);
}

proptest! {
    #[test]
    fn hostile_uuids_do_no_harm(page in prop::collection::vec(any::<u8>(), 0..200), rows in 0_usize..20) {
        for tag in [HEX, SELECT] {
            let page = [&[tag], page.as_slice()].concat();
            let (mut texts, mut nulls) = (Strings::default(), Validity::default());
            let texts = decode(&page, rows, &mut texts, &mut nulls).map(|()| texts);
            let mut numbers = Vec::new();
            if decode_uuids(&page, rows, &mut numbers, &mut Validity::default()).is_some() {
                prop_assert_eq!(numbers.len(), rows);
                prop_assert!(texts.is_some());
            }
        }
    }
}

#[test]
fn two_shapes_in_one_page_are_set_apart() {
    let both: Vec<String> =
        (0..4096).map(|i| if noise(i) >> 63 == 0 { uuid(i) } else { (noise(i) >> 30).to_string() }).collect();
    let page = check_all(&both);
    assert_eq!(page[0], SELECT);
    assert!(page.len() < 4096 * 12, "{} bytes", page.len());
    let odd: Vec<String> = (0..4096).map(|i| if i == 700 { "ODD one é".into() } else { uuid(i) }).collect();
    let page = check_all(&odd);
    assert!(page.len() < 4096 * 17, "{} bytes", page.len());
}

#[test]
fn what_a_shape_would_change_is_kept_as_it_is() {
    check(&[Some("007"), Some("7"), Some("0"), Some("00")]);
    check(&[Some("aB"), Some("Ab"), Some("ab"), Some("AB")]);
    check(&[Some("+1"), Some("-1"), Some("1")]);
    check(&[Some("999999999999999999"), Some("1000000000000000000"), Some("18446744073709551616")]);
    check(&[Some("123456789012345678901234567890"), Some("923456789012345678901234567891")]);
    check(&[Some("ä1"), Some("ä2"), Some("ö3")]);
    check(&[Some("é"), Some("è")]);
    check(&[Some("日本"), Some("日曜")]);
    check(&[Some("１"), Some("２")]);
    check(&[Some("a\0b"), Some("a\0c")]);
}

#[test]
fn nulls_and_empty_strings_differ() {
    check(&[None, Some(""), None, Some("x")]);
    check(&[Some("")]);
    check(&[None]);
    check(&[Some(""); 100]);
    assert_eq!(check(&[None; 4096]), [SPARSE, 0, 0]);
    let few: Vec<Option<&str>> = (0..4096).map(|i| (i % 99 == 5).then_some("few")).collect();
    assert_eq!(check(&few)[0], SPARSE);
    let most: Vec<Option<&str>> = (0..4096).map(|i| (i % 99 != 5).then_some("most")).collect();
    assert_eq!(check(&most)[0], SELECT);
}

#[test]
fn long_strings_are_not_templates() {
    let long: Vec<String> = (0..3).map(|i| format!("{}{i}", "x".repeat(300))).collect();
    let page = check_all(&long);
    assert_eq!(page[..2], [RAW, 255]);
    check_all(&["y".repeat(70_000), String::new()]);
}

#[test]
fn a_deep_nest_is_refused() {
    let page = [SELECT, 1, 0, 0, 255, 255, 255, 0].repeat(1000);
    assert_eq!(decode(&page, 1, &mut Strings::default(), &mut Validity::default()), None);
}

fn identifiers() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,20}",
        "[0-9a-f]{40}",
        "[0-9A-F]{8}-[0-9A-F]{4}",
        "D0[12]-[0-9]{7}-[0-9]{7}",
        "GPA\\.[0-9]{4}-[0-9]{4}",
        "[0-9a-fA-F]{6}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_text_comes_back(values in prop::collection::vec(prop::option::weighted(0.9, any::<String>()), 1..80)) {
        check(&values.iter().map(Option::as_deref).collect::<Vec<_>>());
    }

    #[test]
    fn identifiers_of_mixed_shape_come_back(
        values in prop::collection::vec(prop::option::weighted(0.95, identifiers()), 1..80), copies in 1_usize..40,
    ) {
        let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
        check(&values.repeat(copies));
    }

    #[test]
    fn one_shape_comes_back(pattern in 0..5, seeds in prop::collection::vec(any::<u64>(), 1..80)) {
        let of = |seed: &u64| match pattern {
            0 => uuid(*seed),
            1 => format!("{seed:x}"),
            2 => format!("{:05}-x{:02}", seed % 100_000, seed % 97),
            3 => seed.to_string(),
            _ => format!("{:X}.{}", seed % 16, seed % 10),
        };
        check_all(&seeds.iter().map(of).collect::<Vec<_>>());
    }

    #[test]
    fn hostile_pages_give_nothing_or_exactly_the_rows(
        page in prop::collection::vec(any::<u8>(), 0..60), tag in 0_u8..7, rows in 0_usize..40,
    ) {
        let page: Vec<u8> = std::iter::once(tag).chain(page).collect();
        let (mut out, mut nulls) = (Strings::default(), Validity::default());
        if decode(&page, rows, &mut out, &mut nulls).is_some() {
            prop_assert_eq!((out.len(), nulls.rows()), (rows, rows));
        }
        for row in 0..rows + 2 {
            get(&page, rows, row);
        }
    }
}
