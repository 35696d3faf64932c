//! Generated names: written in the legacy encodings they are found again, and two of them are never
//! taken for one another.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use super::compare_name;
use crate::matching::{Finding, Verdict};

const FAMILY: &str = include_str!("../../../../mock-population-db/data/family_names.csv");
const REST: &str = include_str!("../../../../mock-population-db/data/middle_given_names.csv");

/// Numbers that are always the same (a linear congruential generator; Knuth's constants).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Names with their weights.
struct Table(Vec<(String, u64)>);

impl Table {
    fn read(
        csv: &str,
        name: usize,
        weight: usize,
        keeps: impl Fn(&csv::StringRecord) -> bool,
    ) -> Self {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let rows = reader.records().map(Result::unwrap).filter(|row| keeps(row));
        Self(rows.map(|row| (row[name].to_owned(), row[weight].parse().unwrap())).collect())
    }

    fn draw(&self, numbers: &mut Numbers) -> &str {
        let mut rest = numbers.below(self.0.iter().map(|(_, weight)| weight).sum());
        let is_drawn = |(_, weight): &&(String, u64)| {
            let is_drawn = rest < *weight;
            rest = rest.saturating_sub(*weight);
            is_drawn
        };
        &self.0.iter().find(is_drawn).unwrap().0
    }
}

/// This many names, drawn by the weights of the mock nation's tables.
fn names(count: usize) -> Vec<String> {
    let families = Table::read(FAMILY, 0, 1, |row| &row[3] == "first");
    let of = |part, sex| Table::read(REST, 2, 3, move |row| &row[0] == part && &row[1] == sex);
    let parts = ["nam", "nu"].map(|sex| (of("dem", sex), of("ten", sex)));
    let mut numbers = Numbers(1);
    let mut draw = || {
        let (middle, given) = &parts[numbers.below(2) as usize];
        let [family, middle, given] =
            [&families, middle, given].map(|table| table.draw(&mut numbers).to_owned());
        format!("{family} {middle} {given}").replace("' ", "'")
    };
    (0..count).map(|_| draw()).collect()
}

/// Letters of TCVN3 by their bytes, in the order of its alphabet: independent of the decoder.
const TCVN3: &str = "àµ ả¶ ã· á¸ ạ¹ ă¨ ằ» ẳ¼ ẵ½ ắ¾ ặÆ â© ầÇ ẩÈ ẫÉ ấÊ ậË đ® èÌ ẻÎ ẽÏ éÐ ẹÑ êª ềÒ ểÓ ễÔ \
    ếÕ ệÖ ì× ỉØ ĩÜ íÝ ịÞ òß ỏá õâ óã ọä ô« ồå ổæ ỗç ốè ộé ơ¬ ờê ởë ỡì ớí ợî ùï ủñ ũò úó ụô ư\u{ad} \
    ừõ ửö ữ÷ ứø ựù ỳú ỷû ỹü ýý ỵþ Ă¡ Â¢ Ê£ Ô¤ Ơ¥ Ư¦ Đ§";

fn as_tcvn3(name: &str) -> String {
    let pairs: HashMap<char, char> = TCVN3
        .split(' ')
        .map(|pair| (pair.chars().next().unwrap(), pair.chars().nth(1).unwrap()))
        .collect();
    let letter = |c: char| {
        let small = c.to_lowercase().next().unwrap();
        *pairs.get(&c).or_else(|| pairs.get(&small)).unwrap_or(&c)
    };
    name.chars().map(letter).collect()
}

fn as_vni(name: &str) -> String {
    name.chars().map(vni_letter).collect()
}

fn vni_letter(c: char) -> String {
    let single = match c {
        'đ' => "ñ",
        'Đ' => "Ñ",
        'ì' | 'í' | 'Ì' | 'Í' => return c.to_string(),
        'ỉ' => "æ",
        'ĩ' => "ó",
        'ị' => "ò",
        'ỵ' => "î",
        _ => "",
    };
    if !single.is_empty() {
        return single.to_owned();
    }
    let parts: Vec<char> = c.to_string().nfd().collect();
    let has = |mark| parts.contains(&mark);
    let at = "\u{301}\u{300}\u{309}\u{303}\u{323}".chars().position(has);
    let byte = |bytes: &str| at.map_or(String::new(), |at| bytes.chars().nth(at).unwrap().into());
    let marked = if has('\u{302}') {
        at.map_or("â".to_owned(), |_| byte("áàåãä"))
    } else if has('\u{306}') {
        at.map_or("ê".to_owned(), |_| byte("éèúüë"))
    } else {
        byte("ùøûõï")
    };
    let base = match (parts[0], has('\u{31b}')) {
        ('o', true) => 'ô',
        ('O', true) => 'Ô',
        ('u', true) => 'ö',
        ('U', true) => 'Ö',
        (base, _) => base,
    };
    let marked = if base.is_uppercase() { marked.to_uppercase() } else { marked };
    format!("{base}{marked}")
}

fn as_latin_1(name: &str) -> String {
    name.bytes().map(char::from).collect()
}

#[test]
fn names_written_in_a_legacy_encoding_are_found_again() {
    let names = names(4_000);
    for (encoding, encode) in
        [("TCVN3", as_tcvn3 as fn(&str) -> String), ("VNI", as_vni), ("UTF-8", as_latin_1)]
    {
        let is_lost = |name: &&String| compare_name(&encode(name), name) != Finding::MATCH;
        let lost: Vec<_> = names.iter().filter(is_lost).collect();
        assert!(lost.len() * 100 <= names.len(), "{encoding}: {} lost, {lost:?}", lost.len());
    }
}

#[test]
fn different_names_never_match() {
    let names = names(20_000);
    let mut numbers = Numbers(2);
    for _ in 0..200_000 {
        let [claim, record] = [0, 1].map(|_| &names[numbers.below(names.len() as u64) as usize]);
        if compare_name(claim, record).verdict() == Verdict::Match {
            assert_eq!(skeleton(claim), skeleton(record), "{claim} for {record}");
        }
    }
}

/// The letters of each token without their order of marks, i and y as one, in lower case: what two
/// spellings of one name share at the least.
fn skeleton(name: &str) -> Vec<Vec<char>> {
    let letters = |token: &str| {
        let mut letters: Vec<char> = token.to_lowercase().replace('y', "i").nfd().collect();
        letters.retain(|c| *c != '\'');
        letters.sort_unstable();
        letters
    };
    name.split([' ', '-']).map(letters).collect()
}
