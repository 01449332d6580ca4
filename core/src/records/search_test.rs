use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ALL: u32 = u32::MAX;

fn index(records: &[(u64, [&str; 2])]) -> SearchIndex {
    let mut index = SearchIndex::default();
    for (id, texts) in records {
        index.put(*id, *texts, 1);
    }
    index
}

fn ids(index: &SearchIndex, term: &str) -> Vec<u64> {
    index.find(&Term::new(term, None).unwrap(), ALL, 0..100).ids
}

#[test]
fn the_best_comes_first() {
    let records = [
        (1, ["Angry Faces", "x"]),        // begins
        (2, ["angry", "x"]),              // exact
        (3, ["The Angry One", "x"]),      // whole, first
        (4, ["Words", "Angry Software"]), // whole, second
        (5, ["The angrys", "x"]),         // prefix, first
        (6, ["Words", "The angrys"]),     // prefix, second
        (7, ["ÀNGRY", "x"]),              // exact, later
        (8, ["Hungry", "x"]),             // not at all
    ];
    assert_eq!(ids(&index(&records), "Angry"), [2, 7, 1, 3, 4, 5, 6]);
    let spread =
        [(1, ["Candy", "Kings"]), (2, ["Candy", "King"]), (3, ["King", "x"]), (4, ["x", "Candy King"])];
    assert_eq!(ids(&index(&spread), "king candy"), [4, 2, 1]);
    let term = Term::new("king candy", None).unwrap();
    let ranks = spread.map(|(_, texts)| term.rank(texts));
    assert_eq!(ranks, [Some(Rank::Prefix), Some(Rank::Whole), None, Some(Rank::WholeSecond)]);
}

#[test]
fn one_text_alone() {
    let index = index(&[(1, ["King", "Candy"]), (2, ["Candy", "The King"]), (3, ["Candy", "King"])]);
    let find = |only| index.find(&Term::new("king", Some(only)).unwrap(), ALL, 0..9).ids;
    assert_eq!(find(0), [1]);
    // The text that is asked for ranks as the first.
    assert_eq!(find(1), [3, 2]);
    assert_eq!(Term::new("king", Some(1)).unwrap().rank(["Candy", "King"]), Some(Rank::Exact));
}

#[test]
fn runs_are_found_by_any_part() {
    let index = index(&[
        (1, ["東京メトロ", ""]),
        (2, ["新東京", ""]),
        (3, ["京東 iPhone版", ""]),
        (4, ["京メと東メトロ", ""]),
        (5, ["東京", ""]),
    ]);
    assert_eq!(ids(&index, "東京"), [5, 1, 2]);
    assert_eq!(ids(&index, "京"), [3, 4, 1, 2, 5]);
    // All pairs stand in 4, the run does not.
    assert_eq!(ids(&index, "京メトロ"), [1]);
    assert_eq!(ids(&index, "版 iph"), [3]);
    assert_eq!(ids(&index, "大"), Vec::<u64>::new());
}

#[test]
fn pages_cut_the_whole_order() {
    let names: Vec<String> = (0..300).map(|n| format!("{} game {n}", ["the", "game", "my"][n % 3])).collect();
    let mut index = SearchIndex::default();
    for (id, name) in (1..=300).rev().zip(names.iter().rev()) {
        index.put(id, [name, ""], 1 << (id % 2));
    }
    let term = Term::new("game", None).unwrap();
    let whole = index.find(&term, ALL, 0..u64::MAX);
    assert_eq!((whole.count, whole.ids.len()), (300, 300));
    for (start, from) in [
        (0, 0),
        (7, 7),
        (98, 98),
        (99, 99),
        (100, 100),
        (101, 101),
        (250, 250),
        (299, 299),
        (300, 300),
        (400, 300),
    ] {
        let page = index.find(&term, ALL, start..start + 10);
        assert_eq!(page.ids, whole.ids[from..(from + 10).min(300)]);
        assert_eq!(page.count, 300);
    }
    let odd = index.find(&term, 2, 0..1000);
    assert_eq!(odd.count, 150);
    assert_eq!(odd.ids, whole.ids.into_iter().filter(|id| id % 2 == 1).collect::<Vec<_>>());
    assert_eq!(index.find(&term, 4, 0..10), Found { ids: vec![], count: 0 });
}

#[test]
fn terms_without_a_word_are_none() {
    for text in ["", " ", "!!!", "🎮", "'"] {
        assert!(Term::new(text, None).is_none(), "{text}");
    }
}

#[test]
fn what_is_forgotten_leaves_nothing() {
    let mut index = index(&[(1, ["a b", "c"]), (2, ["東京 a", "a"])]);
    index.remove(1);
    index.remove(1);
    index.put(2, ["z", ""], 1);
    index.remove(2);
    assert!(index.words.is_empty() && index.slots.is_empty());
    // Slots are used again.
    index.put(3, ["b", ""], 1);
    index.put(4, ["a", ""], 1);
    assert_eq!(index.ids.len(), 2);
    assert_eq!((ids(&index, "b"), ids(&index, "a")), (vec![3], vec![4]));
}

/// A naive reading of the rules, on texts as they are: their letters are chosen so that folding is lower case.
fn naive(term: &str, only: Option<usize>, texts: [&str; 2]) -> Option<usize> {
    let lower = |text: &str| text.to_lowercase();
    let run = |word: &str| word.starts_with(['東', '京', '都']);
    let words_of = |text: &str| -> Vec<String> {
        lower(text).split([' ', '-']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let words = words_of(term);
    let begins = |word: &String, text: &str| {
        words_of(text)
            .iter()
            .any(|other| if run(word) { other.contains(word) } else { other.starts_with(word) })
    };
    let whole = |word: &String, text: &str| {
        words_of(text).iter().any(|other| if run(word) { other.contains(word) } else { other == word })
    };
    let [first, second] = match only {
        Some(1) => [texts[1], ""],
        Some(_) => [texts[0], ""],
        None => texts,
    };
    let (term, plain) = (words.join(" "), words_of(first).join(" "));
    let rules = [
        plain == term,
        plain.starts_with(&term),
        words.iter().all(|word| whole(word, first)),
        words.iter().all(|word| whole(word, second)),
        words.iter().all(|word| whole(word, first) || whole(word, second)),
        words.iter().all(|word| begins(word, first)),
        words.iter().all(|word| begins(word, second)),
        words.iter().all(|word| begins(word, first) || begins(word, second)),
    ];
    rules.iter().position(|holds| *holds)
}

#[derive(Debug, Clone)]
enum Step {
    Put(u64, String, String, u32),
    Remove(u64),
    Find(String, Option<usize>, u32, usize),
}

fn step() -> impl Strategy<Value = Step> {
    // Few letters, so that much is found.
    let text = || "([aB]{1,2}|[東京都]{1,4})([ -]([ab]{1,3}|[東京都]{1,3})){0,3}";
    let only = prop_oneof![Just(None), Just(Some(0)), Just(Some(1))];
    prop_oneof![
        4 => (1..12_u64, text(), text(), 1..4_u32).prop_map(|(id, a, b, marks)| Step::Put(id, a, b, marks)),
        1 => (1..12_u64).prop_map(Step::Remove),
        4 => (text(), only, 1..4_u32, 0..4_usize).prop_map(|(term, only, marks, page)| Step::Find(term, only, marks, page)),
    ]
}

proptest! {
    #[test]
    fn finds_what_a_scan_finds(steps in proptest::collection::vec(step(), 1..60)) {
        let mut index = SearchIndex::default();
        let mut model: BTreeMap<u64, ([String; 2], u32)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(id, a, b, marks) => {
                    index.put(id, [&a, &b], marks);
                    model.insert(id, ([a, b], marks));
                }
                Step::Remove(id) => {
                    index.remove(id);
                    model.remove(&id);
                }
                Step::Find(text, only, marks, page) => {
                    let term = Term::new(&text, only).unwrap();
                    let mut expected = Vec::new();
                    for (id, ([a, b], own)) in &model {
                        let rank = naive(&text, only, [a, b]);
                        prop_assert_eq!(term.rank([a, b]).map(|rank| rank as usize), rank);
                        expected.extend(rank.filter(|_| own & marks != 0).map(|rank| (rank, *id)));
                    }
                    expected.sort_unstable();
                    let start = u64::try_from(page * 3).unwrap();
                    let found = index.find(&term, marks, start..start + 3);
                    prop_assert_eq!(found.count, expected.len() as u64);
                    let expected: Vec<u64> =
                        expected.into_iter().map(|(_, id)| id).skip(page * 3).take(3).collect();
                    prop_assert_eq!(found.ids, expected, "{}", text);
                }
            }
        }
    }

    #[test]
    fn any_text_is_found_by_itself(name in any::<String>(), developer in "\\PC{0,20}") {
        let mut index = SearchIndex::default();
        index.put(7, [&name, &developer], 1);
        if let Some(term) = Term::new(&name, None) {
            prop_assert_eq!(index.find(&term, 1, 0..1).ids, [7]);
            prop_assert_eq!(term.rank([&name, &developer]), Some(Rank::Exact));
        }
    }
}
