//! Text as search compares it: words without case and accents, in any script.
//!
//! Folding takes text to compatibility form (NFKC), then letter by letter apart (NFKD), drops the marks that people
//! leave out when they type (accents, Hebrew points, Arabic vowel signs), and lowers what is left the way `ß` meets `SS`.
//! Marks that make another letter stay: the voicing of kana, the vowels of Indic scripts. Apostrophes are dropped, so
//! that `Assassin's` is one word; whatever else is no letter, digit or mark ends a word.
//!
//! Chinese, Japanese, Thai, Lao, Khmer and Burmese put no blanks between words. What stands together in them is one run
//! here, a word of its own beside the others, and is found by any part of it: `京メ` finds `東京メトロ`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// The words of a text, with a blank between them; empty where it has none. Folding what is folded changes nothing.
pub(super) fn fold(text: &str) -> String {
    let mut folded = Folded::default();
    for c in text.nfkc() {
        match c {
            _ if is_dropped(c) => {}
            _ if is_unspaced(c) => folded.push(c, true),
            _ if c.is_alphanumeric() || is_combining_mark(c) => fold_letter(c, &mut folded),
            _ => folded.ends = true,
        }
    }
    folded.text
}

/// Whether words of this script stand without blanks between them.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' // Thai, Lao
        | '\u{1000}'..='\u{109F}' // Burmese
        | '\u{1780}'..='\u{17FF}' // Khmer
        | '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' // Han, in part
        | '\u{3041}'..='\u{309F}' | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{312F}' | '\u{31F0}'..='\u{31FF}' // kana
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFD}')
}

#[derive(Default)]
struct Folded {
    text: String,
    /// The last word has ended.
    ends: bool,
    /// The last word is of a script without blanks.
    unspaced: bool,
}

impl Folded {
    fn push(&mut self, c: char, unspaced: bool) {
        if (self.ends || self.unspaced != unspaced) && !self.text.is_empty() {
            self.text.push(' ');
        }
        (self.ends, self.unspaced) = (false, unspaced);
        self.text.push(c);
    }
}

fn fold_letter(c: char, folded: &mut Folded) {
    let mut parts = |part: char| {
        if is_dropped(part) {
            return;
        }
        // Lower before upper: only the small ß has a pair of capitals.
        let folded_case = part.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
        for c in folded_case.filter(|&c| !is_dropped(c)) {
            match plain_letters(c) {
                Some(letters) => letters.chars().for_each(|c| folded.push(c, false)),
                None => folded.push(c, false),
            }
        }
    };
    decompose_compatible(c, &mut parts);
}

/// Letters with a stroke or tied together, which Unicode does not take apart.
fn plain_letters(c: char) -> Option<&'static str> {
    Some(match c {
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'æ' => "ae",
        'œ' => "oe",
        _ => return None,
    })
}

/// What words are compared without: accents and points, apostrophes, and what shows nothing.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\'' | '\u{2018}' | '\u{2019}' | '\u{02BC}' // apostrophes
        | '\u{00AD}' | '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}'
        | '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}' // accents
        | '\u{0591}'..='\u{05BD}' | '\u{05BF}' | '\u{05C1}'..='\u{05C2}' | '\u{05C4}'..='\u{05C5}' | '\u{05C7}'
        | '\u{0610}'..='\u{061A}' | '\u{0640}' | '\u{064B}'..='\u{065F}' | '\u{0670}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_accents_do_not_count() {
        for (text, folded) in [
            ("Fob Finder Pro", "fob finder pro"),
            ("Ünïcode Café", "unicode cafe"),
            ("u\u{308}", "u"),
            ("STRASSE straße ẞ", "strasse strasse ss"),
            ("Malmö Łódź Ærø Þór", "malmo lodz aero þor"),
            ("ΟΔΟΣ Οδός", "οδοσ οδοσ"),
            ("İstanbul Iğdır", "istanbul igdir"),
            ("Ёлка ЙОД", "елка иод"),
            ("ﬁﬂ Ⅷ ｆｕｌｌ ①", "fifl viii full 1"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد", "محمد"),
            ("हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn words_end_where_no_letter_stands() {
        for (text, folded) in [
            ("  Embark NYC Subway – New York City ", "embark nyc subway new york city"),
            ("Assassin’s Creed: Rock 'n' Roll", "assassins creed rock n roll"),
            ("C++/Objective-C 2.6.3", "c objective c 2 6 3"),
            ("a_b\tc\nd", "a b c d"),
            ("co\u{AD}op", "coop"),
            ("🎮 !!! 🎮", ""),
            ("", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn scripts_without_blanks_are_runs() {
        for (text, folded) in [
            ("東京メトロ for iPhone版", "東京メトロ for iphone 版"),
            ("ﾊﾟｽﾞﾙ", "パズル"),
            ("は\u{309A}", "ぱ"),
            ("สวัสดีapp", "สวัสดี app"),
            ("微信・支付", "微信 支付"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
        // Syllables are taken apart, so that one half typed begins a word.
        assert!(fold("한국").starts_with(&fold("하")));
        assert_eq!(fold("한국 어"), fold("\u{1112}\u{1161}\u{11AB}국 어"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn words_have_one_blank_between_them(text in any::<String>()) {
            let folded = fold(&text);
            prop_assert!(folded.is_empty() || folded.split(' ').all(|word| !word.is_empty()), "{:?}", folded);
            let mixed = folded.split(' ').any(|word| word.chars().any(is_unspaced) && !word.chars().all(is_unspaced));
            prop_assert!(!mixed, "{:?}", folded);
        }

        #[test]
        fn equal_text_folds_equally(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&text.nfd().collect::<String>()), fold(&text));
            prop_assert_eq!(fold(&text.nfkc().collect::<String>()), fold(&text));
        }

        #[test]
        fn latin_case_does_not_count(text in "[a-zà-öA-Z0-9 ]{0,40}") {
            prop_assert_eq!(fold(&text.to_uppercase()), fold(&text));
        }
    }
}
