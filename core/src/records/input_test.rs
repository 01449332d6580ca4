use serde_json::json;

use super::*;

fn faults(fields: &Value, take: impl FnOnce(&mut Input<'_>)) -> FieldErrors {
    let mut input = Input::new(fields.as_object().unwrap(), Purpose::Create);
    take(&mut input);
    input.finish().faults
}

#[test]
fn texts() {
    let take = |value: Value| {
        let (mut required, mut optional) = (String::new(), Some("old".to_owned()));
        let fields = json!({"name": value, "other": value});
        let faults = faults(&fields, |input| {
            input.required_text("name", &mut required);
            input.optional_text("other", &mut optional);
        });
        (
            faults
                .into_iter()
                .map(|(name, messages)| format!("{name} {}", messages.join(";")))
                .collect::<Vec<_>>(),
            required,
            optional,
        )
    };
    assert_eq!(take(json!(" é ")), (vec![], " é ".into(), Some(" é ".into())));
    assert_eq!(take(json!("é".repeat(255))).0, Vec::<String>::new());
    assert_eq!(take(Value::Null), (vec!["name is required".into()], String::new(), None));
    assert_eq!(take(json!(" ")), (vec!["name is required".into()], String::new(), Some(" ".into())));
    for (value, message) in [
        (json!("é".repeat(256)), "is longer than 255 characters"),
        (json!("a\0b"), "must not contain control characters"),
        (json!("a\nb"), "must not contain control characters"),
        (json!(7), "must be text"),
        (json!(["a"]), "must be text"),
    ] {
        let expected = vec![format!("name {message}"), format!("other {message}")];
        assert_eq!(take(value), (expected, String::new(), Some("old".into())));
    }
}

#[test]
fn numbers_and_truth() {
    for (value, expected) in [
        (json!(0), Some(0)),
        (json!("007"), Some(7)),
        (json!(i64::MAX), Some(i64::MAX as u64)),
        (json!(u64::MAX), None),
        (json!(-1), None),
        (json!(1.5), None),
        (json!("+1"), None),
        (json!(""), None),
        (json!("1 "), None),
        (json!(true), None),
        (json!("99999999999999999999"), None),
    ] {
        assert_eq!(whole_number(&value), expected, "{value}");
    }
    for (value, expected) in [
        (json!(true), Some(true)),
        (json!("FALSE"), Some(false)),
        (json!(1), None),
        (json!("yes"), None),
        (json!(null), None),
    ] {
        let mut flag = expected != Some(true);
        let found = faults(&json!({"flag": value}), |input| input.boolean("flag", &mut flag));
        assert_eq!(found.is_empty(), expected.is_some());
        assert!(expected.is_none_or(|expected| flag == expected));
    }
}

#[test]
fn ids_and_signed_numbers() {
    for (value, id, signed) in [
        (json!(1), Some(1), Some(1)),
        (json!("007"), Some(7), Some(7)),
        (json!(0), None, Some(0)),
        (json!(-4), None, Some(-4)),
        (json!("-4"), None, Some(-4)),
        (json!(i64::MAX), Some(i64::MAX as u64), Some(i64::MAX)),
        (json!(u64::MAX), None, None),
        (json!("+1"), None, None),
        (json!(1.5), None, None),
        (json!(""), None, None),
        (json!(true), None, None),
    ] {
        let (mut some_id, mut required, mut number) = (None, 0, None);
        let fields = json!({"a": value, "b": value, "c": value});
        let found = faults(&fields, |input| {
            input.optional_id("a", &mut some_id);
            input.required_id("b", &mut required);
            input.optional_integer("c", &mut number);
        });
        assert_eq!((some_id, number), (id, signed), "{value}");
        assert_eq!(required, id.unwrap_or(0), "{value}");
        let messages = [("a", id.is_none()), ("b", id.is_none()), ("c", signed.is_none())];
        let names: Vec<_> = messages.iter().filter(|(_, wrong)| *wrong).map(|(name, _)| *name).collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), names, "{value}");
    }
    let found = faults(&json!({"b": null}), |input| {
        input.required_id("a", &mut 0);
        input.required_id("b", &mut 0);
    });
    assert_eq!((&found["a"][0][..], &found["b"][0][..]), ("is required", "is required"));
}

#[test]
fn amounts_are_exact_however_they_are_written() {
    for (text, expected) in [
        ("50", Ok(50_000_000)),
        ("39.99", Ok(39_990_000)),
        (r#""39.990""#, Ok(39_990_000)),
        ("9223372036854.775807", Ok(i128::from(i64::MAX))),
        ("-0.1", Ok(-100_000)),
        ("0.0000001", Err("has more than 6 fraction digits")),
        ("1e3", Err("is not a plain decimal number")),
        (r#""1,50""#, Err("is not a plain decimal number")),
        ("true", Err("must be an amount")),
    ] {
        let value: Value = serde_json::from_str(text).unwrap();
        let expected = expected.map(Money::from_micros).map_err(str::to_owned);
        assert_eq!(amount(&value), expected, "{text}");
    }
}

#[test]
fn amounts_leave_with_their_shortest_digits() {
    for (micros, text) in [
        (0, "0"),
        (50_000_000, "50"),
        (100_000_000, "100"),
        (39_990_000, "39.99"),
        (39_900_000, "39.9"),
        (-1, "-0.000001"),
        (i128::from(i64::MAX), "9223372036854.775807"),
    ] {
        let amount = Money::from_micros(micros);
        let number = exact_number(amount);
        assert_eq!(number.to_string(), text);
        assert_eq!(super::amount(&number), Ok(amount));
    }
}

#[test]
fn faults_within_name_their_place() {
    let fields = json!({
        "rows": [{"title": "a"}, 7, {"title": 1, "colour": "red"}],
        "page": {"enabled": "perhaps", "at": "soon"},
        "body": "line\nline",
        "bell": "\u{7}",
    });
    let (mut body, mut rows) = (None, None);
    let found = faults(&fields, |input| {
        input.long_text("body", &mut body);
        input.long_text("bell", &mut None);
        rows = input.rows("rows", |row| {
            let mut title = None;
            row.optional_text("title", &mut title);
            title
        });
        input.nested("page", |page| {
            page.boolean("enabled", &mut false);
            page.moment("at", &mut None);
        });
    });
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["bell", "page.at", "page.enabled", "rows[1]", "rows[2].colour", "rows[2].title"]);
    assert_eq!(body.as_deref(), Some("line\nline"));
    assert_eq!(rows, Some(vec![Some("a".to_owned()), None]));
}

#[test]
fn all_faults_at_once_and_strangers_by_name() {
    let long = "x".repeat(1000);
    let fields = json!({"a": 1, "b": "no", "c": 1, "id": 7, long: 1});
    let found = faults(&fields, |input| {
        input.required_text("a", &mut String::new());
        input.boolean("b", &mut false);
        input.required_text("d", &mut String::new());
    });
    let names: Vec<_> = found.keys().map(|name| name.len()).collect();
    assert_eq!(names, [1, 1, 1, 1, 64], "{found:?}");
}

#[test]
fn secrets_show_nowhere() {
    let password = "p455w0rd!";
    for value in
        [json!(password), json!([password]), json!(format!("{password}\0")), json!(password.repeat(999))]
    {
        let fields = json!({"password": value});
        let mut input = Input::new(fields.as_object().unwrap(), Purpose::Create);
        input.secret("password");
        assert!(!format!("{input:?}").contains(password));
        assert!(!format!("{:?}", input.finish().faults).contains(password));
    }
    let fields = Fields::default().with("password", password).with("metadata", json!({"a": password}));
    assert_eq!(format!("{fields:?}"), r#"["password", "metadata"]"#);
}

#[test]
fn wiped_values_are_gone() {
    let mut value = json!({"a": ["secret", {"b": "secret"}]});
    wipe(&mut value);
    assert_eq!(value, json!({"a": ["", {"b": ""}]}));
}
