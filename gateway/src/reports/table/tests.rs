//! Made-up counters under every grouping.

use super::*;
use crate::reports::Figures;
use crate::reports::grouping::Dimension;
use crate::request::ClientId;

const COUNTED: [(&str, i64); 14] = [
    ("o|d|20261120|viettel|-|verify|telecom.subscriber|matched|active", 80),
    ("o|d|20261120|viettel|-|verify|telecom.subscriber|matched|deceased", 3),
    ("o|h|2026112109|viettel|G09.10|verify|telecom.cleanup|not_matched|unknown", 17),
    ("o|h|2026112109|hospital|-|verify|health.insurance|refused|not_asked", 2),
    ("p|d|20261120|viettel|001|matched", 60),
    ("p|d|20261120|viettel|079|matched", 23),
    ("p|h|2026112109|viettel|000|not_matched", 17),
    ("p|h|2026112109|hospital|001|refused", 2),
    ("a|d|20261120|viettel|full_name|match|-", 83),
    ("a|h|2026112109|viettel|full_name|close|marks_missing", 10),
    ("a|h|2026112109|viettel|sex|no_match|different", 7),
    ("d|d|20261120|viettel|verify|telecom.cleanup|different|open", 5),
    ("d|d|20261120|viettel|verify|telecom.cleanup|different|upheld", 1),
    ("d|h|2026112109|viettel|verify|telecom.cleanup|-|rejected", 2),
];

fn table(grouping: &Grouping, scope: &Scope) -> (Vec<Row>, RowFigures) {
    let viettel = ClientId::parse("viettel").unwrap();
    let kinds = [(viettel, "carrier")].into_iter().collect::<Kinds>();
    let days = ("20261101".to_owned(), "20261130".to_owned());
    let mut table = Table::new(grouping, scope, &kinds, days);
    for (key, n) in COUNTED {
        table.add(CounterTable::Log, key, n).unwrap();
    }
    // Not covered by the counters yet, and of another month.
    let outside = "o|h|2026103123|viettel|-|verify|telecom.subscriber|matched|active";
    table.add(CounterTable::Log, outside, 1).unwrap();
    let edge = "d|20261121|viettel|verify|-|malformed";
    table.add(CounterTable::Edge, edge, 4).unwrap();
    table.finish()
}

/// Every dimension alone, and pairs of them.
fn groupings() -> Vec<Grouping> {
    let pairs = Dimension::ALL.iter().flat_map(|one| {
        Dimension::ALL.iter().filter_map(move |other| Grouping::by(&[*one, *other]))
    });
    let alone = Dimension::ALL.iter().filter_map(|dimension| Grouping::by(&[*dimension]));
    let all: Vec<_> = alone.chain(pairs).chain([Grouping::none()]).collect();
    assert!(all.len() > 80);
    all
}

#[test]
fn rows_add_up_to_the_total_under_every_grouping() {
    for grouping in groupings() {
        let (rows, total) = table(&grouping, &Scope::All);
        let mut sum = RowFigures::empty(grouping.cube());
        for row in &rows {
            sum.add(&row.figures);
            assert_eq!(row.group.len(), grouping.dimensions().len());
        }
        assert_eq!(sum.with_rate(), total, "{grouping:?}");
        match total {
            RowFigures::Answers(total) => {
                let counted = [
                    total.received,
                    total.matched,
                    total.matched_deceased.unwrap(),
                    total.malformed,
                    total.disputed,
                    total.disputes_upheld,
                    total.disputes_rejected,
                ];
                assert_eq!(counted, [102, 83, 3, 4, 5, 1, 2], "{grouping:?}");
                assert_eq!(total.match_rate, Some(0.83));
            }
            RowFigures::Attributes(total) => {
                assert_eq!((total.asked, total.matched, total.close), (100, 83, 10));
            }
            RowFigures::Disputes(total) => {
                let counted = (total.disputed, total.disputes_upheld, total.disputes_rejected);
                assert_eq!(counted, (5, 1, 2));
            }
        }
    }
}

fn values(text: &str) -> Vec<(Vec<String>, i64)> {
    let grouping = Grouping::parse(text).unwrap();
    let (rows, _) = table(&grouping, &Scope::All);
    let values =
        |row: &Row| grouping.columns().iter().map(|name| row.group[name].clone()).collect();
    let received = |row: &Row| row.figures.answers().map_or(0, |figures| figures.received);
    rows.iter().map(|row| (values(row), received(row))).collect()
}

fn row(values: &[&str], received: i64) -> (Vec<String>, i64) {
    (values.iter().map(|value| (*value).to_owned()).collect(), received)
}

#[test]
fn what_a_grouping_cannot_know_stands_in_a_row_of_its_own() {
    assert_eq!(
        values("province"),
        [row(&["-"], 0), row(&["000"], 17), row(&["001"], 62), row(&["079"], 23)]
    );
    assert_eq!(
        values("outcome"),
        [row(&["-"], 0), row(&["matched"], 83), row(&["not_matched"], 17), row(&["refused"], 2)]
    );
}

#[test]
fn times_are_told_by_hour_day_and_month() {
    assert_eq!(
        values("day,kind"),
        [
            row(&["2026-11-20", "carrier"], 83),
            row(&["2026-11-21", "-"], 2),
            row(&["2026-11-21", "carrier"], 17)
        ]
    );
    assert_eq!(values("month"), [row(&["2026-11"], 102)]);
    assert_eq!(values("hour"), [row(&["-"], 83), row(&["2026-11-21T09"], 19)]);
}

#[test]
fn a_client_sees_its_own_rows_only() {
    let own = Scope::Client(ClientId::parse("hospital").unwrap());
    let (rows, total) = table(&Grouping::parse("client").unwrap(), &own);
    let told = Figures { matched_deceased: Some(0), ..Figures::default() };
    let figures = Figures { received: 2, refused: 2, ..told };
    assert_eq!((rows.len(), total), (1, RowFigures::Answers(figures)));
}

#[test]
fn what_was_added_and_taken_away_is_no_row() {
    let (grouping, kinds) = (Grouping::parse("client").unwrap(), Kinds::default());
    let days = (String::new(), "9".to_owned());
    let mut table = Table::new(&grouping, &Scope::All, &kinds, days);
    let key = "o|m|202611|viettel|-|verify|telecom.cleanup|matched|active";
    table.add(CounterTable::Log, key, 7).unwrap();
    table.add(CounterTable::Log, key, -7).unwrap();
    assert_eq!(table.finish().0, []);
}

#[test]
fn a_counter_that_nobody_can_have_written_is_an_error() {
    let (grouping, kinds) = (Grouping::none(), Kinds::default());
    let days = (String::new(), "9".to_owned());
    let mut table = Table::new(&grouping, &Scope::All, &kinds, days);
    for key in [
        "o|d|20261120|viettel",
        "x|d|20261120|viettel|-|verify|telecom.cleanup|matched|active",
        "o|d|20261120|viettel|-|verify|telecom.cleanup|perhaps|active",
        "d|d|20261120|viettel|verify|telecom.cleanup|different|lost",
        "o|d|20261120|viettel|-|verify|telecom.cleanup|matched|active|more|still",
    ] {
        assert!(table.add(CounterTable::Log, key, 1).is_err(), "{key}");
    }
    assert!(table.add(CounterTable::Edge, "20261120", 1).is_err());
}
