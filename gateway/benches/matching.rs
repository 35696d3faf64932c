//! What comparing costs: one full name of each kind, and one request of five attributes.
//!
//! Names are those of the mock nation with the errors that holders of records make, a few hundred of
//! each kind in turn, so that no branch is learnt by heart. Every kind is checked to be what it is
//! called before it is measured.

use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use gateway::matching::{Finding, Findings, compare, compare_name};
use gateway::policy::Reason;
use gateway::population::Record;
use gateway::request::{
    Address, Attribute, AttributeSet, Claims, FullName, InsuranceNumber, PartialDate, Sex,
};
use mock_population_db::records::{legacy, spelling};
use mock_population_db::{DEFAULT_SEED, Nation, Person};

/// Pairs of each kind; fewer where the nation has fewer names of it.
const PAIRS: usize = 400;
/// People who are looked through for them: names of the highlands are one in a hundred.
const PEOPLE: u64 = 200_000;

/// How a claim is made of the recorded name; none where it cannot be made of this one.
type Claim = fn(&str) -> Option<String>;

/// Every kind with its finding. `different` is no form of one name and is made of two.
const KINDS: [(&str, Claim, Finding); 10] = [
    ("equal", |name| Some(name.to_owned()), Finding::MATCH),
    ("other_case", |name| Some(name.to_uppercase()), Finding::MATCH),
    ("tone_place", spelling::other_tone_place, Finding::MATCH),
    ("i_and_y", spelling::other_i, Finding::MATCH),
    ("mark", |name| name.contains('\'').then(|| name.replace('\'', "' ")), Finding::MATCH),
    ("legacy_tcvn3", legacy::tcvn3, Finding::MATCH),
    ("legacy_vni", legacy::vni, Finding::MATCH),
    ("legacy_utf8", legacy::utf8_misread, Finding::MATCH),
    ("different", |_| None, Finding::DIFFERENT),
    ("spaces_and_marks_lost", spaces_and_marks_lost, Finding::DIFFERENT),
];

/// The kinds that are near misses, whose findings no constant can hold.
const NEAR: [(&str, Claim, Reason); 4] = [
    ("marks_missing", spelling::without_marks, Reason::MarksMissing),
    ("one_letter", |name| spelling::with_typo(name, 7), Reason::OneLetter),
    ("token_missing", spelling::without_second_token, Reason::TokenMissing),
    ("squashed", spelling::squashed, Reason::Squashed),
];

/// A claim beside its record.
struct Pair {
    claim: String,
    record: String,
}

fn spaces_and_marks_lost(name: &str) -> Option<String> {
    Some(spelling::without_marks(name)?.replace(' ', ""))
}

fn main() {
    let people: Vec<Person> = Nation::new(DEFAULT_SEED).sample(PEOPLE).collect();
    let mut criterion = Criterion::default().configure_from_args();
    let near = NEAR.map(|(kind, claim, reason)| (kind, claim, Finding::because(reason)));
    let kinds: Vec<_> = KINDS.into_iter().chain(near).collect();
    let mut mixed = Vec::new();
    for (kind, claim, finding) in kinds {
        let pairs = if kind == "different" { strangers(&people) } else { pairs(&people, claim) };
        assert_kind(kind, &pairs, finding);
        bench_name(&mut criterion, kind, &pairs);
        mixed.push(pairs);
    }
    bench_request(&mut criterion, &people, &mixed);
    criterion.final_summary();
}

fn pairs(people: &[Person], claim: Claim) -> Vec<Pair> {
    let pair = |person: &Person| {
        let record = person.full_name.clone();
        Some(Pair { claim: claim(&record)?, record })
    };
    people.iter().filter_map(pair).take(PAIRS).collect()
}

fn strangers(people: &[Person]) -> Vec<Pair> {
    let both = people.iter().zip(people.iter().rev());
    let both = both.filter(|(one, other)| one.full_name.len().abs_diff(other.full_name.len()) < 3);
    both.map(|(one, other)| Pair { claim: one.full_name.clone(), record: other.full_name.clone() })
        .take(PAIRS)
        .collect()
}

/// One legacy name in a hundred may be another name as well, and two strangers may be alike.
fn assert_kind(kind: &str, pairs: &[Pair], finding: Finding) {
    let is_found = |pair: &&Pair| compare_name(&pair.claim, &pair.record) == finding;
    let found = pairs.iter().filter(is_found).count();
    assert!(pairs.len() > 100, "{kind}: only {} pairs", pairs.len());
    assert!(found * 100 >= pairs.len() * 97, "{kind}: {found} of {}", pairs.len());
}

fn bench_name(criterion: &mut Criterion, kind: &str, pairs: &[Pair]) {
    let mut next = pairs.iter().cycle();
    criterion.bench_function(&format!("name/{kind}"), |bencher| {
        bencher.iter_batched(
            || next.next(),
            |pair| pair.map(|pair| compare_name(black_box(&pair.claim), black_box(&pair.record))),
            BatchSize::SmallInput,
        );
    });
}

/// The texts of one request, and what is on file.
struct Asked {
    name: String,
    born: String,
    sex: &'static str,
    province: String,
    commune: String,
    insurance: String,
    record: Record,
}

/// Half of the requests have the name as it is on file, the others have all kinds in turn.
fn bench_request(criterion: &mut Criterion, people: &[Person], mixed: &[Vec<Pair>]) {
    let insured: Vec<_> = people.iter().filter(|it| it.insurance_number.is_some()).collect();
    let asked: Vec<Asked> = (0..PAIRS)
        .filter_map(|at| {
            let kind = if at % 2 == 0 { &mixed[0] } else { &mixed[at / 2 % mixed.len()] };
            asked(insured[at], kind.get(at % kind.len())?)
        })
        .collect();
    assert_eq!(asked.len(), PAIRS);
    let permitted: AttributeSet = Attribute::ALL.into_iter().collect();
    let parsed: Vec<(Claims, &Record)> =
        asked.iter().filter_map(|asked| Some((parse(asked)?, &asked.record))).collect();
    let mut next = parsed.iter().cycle();
    criterion.bench_function("request/compared", |bencher| {
        bencher.iter_batched(
            || next.next(),
            |pair| pair.map(|(claims, on_file)| compare(black_box(claims), permitted, on_file)),
            BatchSize::SmallInput,
        );
    });
    let mut next = asked.iter().cycle();
    criterion.bench_function("request/parsed_and_compared", |bencher| {
        bencher.iter_batched(
            || next.next(),
            |asked| asked.and_then(|asked| answer(black_box(asked), permitted)),
            BatchSize::SmallInput,
        );
    });
}

fn answer(asked: &Asked, permitted: AttributeSet) -> Option<Findings> {
    Some(compare(&parse(asked)?, permitted, &asked.record))
}

/// Address and date of one person with the name of a pair.
fn asked(person: &Person, pair: &Pair) -> Option<Asked> {
    let mut asked = Asked {
        name: pair.record.clone(),
        born: person.date_of_birth.to_string(),
        sex: person.sex.name(),
        province: person.permanent_address.province.as_str().to_owned(),
        commune: person.permanent_address.commune.as_str().to_owned(),
        insurance: person.insurance_number?.as_str().to_owned(),
        record: Record::default(),
    };
    let claims = parse(&asked)?;
    asked.record = Record {
        full_name: Some(pair.record.as_str().into()),
        date_of_birth: claims.date_of_birth,
        sex: claims.sex,
        permanent_address: claims.permanent_address,
        insurance_number: claims.insurance_number,
        ..Record::default()
    };
    asked.name.clone_from(&pair.claim);
    Some(asked)
}

fn parse(asked: &Asked) -> Option<Claims> {
    Some(Claims {
        full_name: Some(FullName::parse(&asked.name).ok()?),
        date_of_birth: Some(PartialDate::parse(&asked.born).ok()?),
        sex: Some(Sex::parse(asked.sex).ok()?),
        permanent_address: Some(Address::parse(None, &asked.province, Some(&asked.commune)).ok()?),
        insurance_number: Some(InsuranceNumber::parse(&asked.insurance).ok()?),
        ..Claims::default()
    })
}
