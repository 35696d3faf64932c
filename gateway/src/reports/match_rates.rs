//! The match-rate report.

use std::collections::BTreeMap;

use foldhash::HashMap;
use jiff::civil::Date;
use serde::Serialize;

use super::EdgeCounters;
use super::figures::RowFigures;
use super::grouping::Grouping;
use super::plan::{Finest, digits, pieces};
use super::table::Table;
use crate::audit::{self, Cube, Grain};
use crate::clock::Micros;
use crate::request::{AgencyCode, ClientId};
use crate::store::{
    CounterBatch, CounterTable, DayKeys, Extent, KeyRange, LogChoice, Store, StoreError,
};

/// What the figures mean, in English.
pub const DEFINITION_EN: &str = "received = matched + not_matched + inconclusive + refused = \
    entries of verify, lookup, insurance and push in the log. match_rate = matched / (matched + \
    not_matched), null when nothing was answered. matched_deceased is that part of matched where \
    the person is dead, null for a client whose policy does not disclose the status. Grouped by attribute, verdict or reason: asked = \
    match + close + no_match + not_on_file + not_checked + not_permitted = verdicts on attributes \
    in these entries. Hours, days and months are Vietnamese (UTC+7); from and to are days, both \
    inclusive, and a month is the part of it between them. province is the first three digits of \
    the personal number, 000 where the key leads to none. throttled and malformed are not part of \
    received and not in the log; they are counted by day in memory and written every 10 seconds. \
    disputed, disputes_upheld and disputes_rejected are the disputes opened and decided in the \
    period; they change no other figure. A figure that cannot be told apart by a grouping stands in \
    the row whose value is -, so that the rows always add up to the total.";

/// What the figures mean, in Vietnamese.
pub const DEFINITION_VI: &str = "received (đã nhận) = matched (khớp) + not_matched (không khớp) + \
    inconclusive (chưa kết luận) + refused (bị từ chối) = số bản ghi verify, lookup, insurance và \
    push trong nhật ký. match_rate (tỷ lệ khớp) = matched / (matched + not_matched), null khi chưa \
    trả lời yêu cầu nào. matched_deceased là phần của matched mà người đó đã chết, null đối với hệ \
    thống mà chính sách không cho biết tình trạng. Nhóm theo attribute (thuộc tính), verdict (kết quả) hoặc reason (lý do): \
    asked (đã hỏi) = match + close + no_match + not_on_file + not_checked + not_permitted = số kết \
    quả so sánh thuộc tính trong các bản ghi đó. Giờ, ngày và tháng theo giờ Việt Nam (UTC+7); from \
    và to là ngày, tính cả hai đầu, tháng là phần của tháng nằm trong khoảng đó. province là ba chữ \
    số đầu của số định danh cá nhân, 000 khi khóa không dẫn đến ai. throttled (vượt hạn mức) và \
    malformed (sai định dạng) không nằm trong received và không có trong nhật ký; được đếm theo \
    ngày trong bộ nhớ và ghi lại 10 giây một lần. disputed (khiếu nại), disputes_upheld (được chấp \
    nhận) và disputes_rejected (bị bác) là số khiếu nại được mở và được quyết định trong khoảng thời \
    gian; chúng không thay đổi số liệu nào khác. Số liệu không thể phân theo cách nhóm nằm ở dòng có \
    giá trị -, để tổng các dòng luôn bằng total.";

/// Days that can be told apart by the hour: the counters of an hour are as many as those of a
/// month, so that a year of hours would take seconds.
pub const HOUR_DAYS_MAX: usize = 92;

/// The kind of each client by name.
pub type Kinds = HashMap<ClientId, &'static str>;

/// Whose figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// One client's.
    Client(ClientId),
    /// What anybody has asked on behalf of an agency or of one below it. Of attributes, provinces
    /// and disputes, and of what never reached the log, it is not counted for whom they were.
    ActedFor(AgencyCode),
}

/// Vietnamese days, both inclusive; open ends reach to the first and last day counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
}

/// What is asked of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// When.
    pub period: Period,
    /// By what rows are told apart.
    pub grouping: Grouping,
    /// Whose figures.
    pub scope: Scope,
}

/// One row: a group and its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Each dimension's name and this row's value; empty for `none`.
    pub group: BTreeMap<&'static str, String>,
    /// The figures.
    #[serde(flatten)]
    pub figures: RowFigures,
}

/// The report.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchRates {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// By what the rows are told apart.
    pub grouping: Grouping,
    /// The rows, by group.
    pub rows: Vec<Row>,
    /// All rows together.
    pub total: RowFigures,
}

impl MatchRates {
    /// The same for whoever may not know the status of a person: a report over one request is that
    /// request's answer.
    #[must_use]
    pub fn without_status(mut self) -> Self {
        for row in &mut self.rows {
            row.figures = row.figures.without_status();
        }
        self.total = self.total.without_status();
        self
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More rows than anybody reads.
    #[error("the report has more than 100,000 rows; group by less or ask for a shorter period")]
    TooManyRows,
    /// More hours than can be read at once.
    #[error("the period is too long to be grouped by hour; at most {HOUR_DAYS_MAX} days are")]
    TooManyHours,
}

/// Reads the report from the counters. `kinds` names the kind of each client.
pub async fn match_rates(
    store: &Store,
    edge: &EdgeCounters,
    now: Micros,
    question: &Question,
    kinds: &Kinds,
) -> Result<MatchRates, ReportError> {
    let Question { period, grouping, scope } = question;
    let bound = |day: Option<Date>, open: &str| day.map_or_else(|| open.to_owned(), digits);
    let days = (bound(period.from, "00000000"), bound(period.to, "99999999"));
    let mut table = Table::new(grouping, scope, kinds, days);
    let mut counted_days = CountedDays::default();
    let day_keys = DayKeys {
        log: vec![KeyRange::below("o|d|"), KeyRange::below("d|d|")],
        edge: KeyRange::below("d|"),
    };
    let plan = |extent: &Extent| {
        for (first, last) in extent.log.iter().chain(&extent.edge) {
            counted_days.add(first);
            counted_days.add(last);
        }
        plan(question, extent)
    };
    let mut tail_days = CountedDays::default();
    audit::counted(store, LogChoice::All, tail_cubes(grouping), &day_keys, plan, |kept, key, n| {
        if let Some(hour) = key.get(2..).and_then(|rest| rest.strip_prefix("h|")) {
            tail_days.add(hour);
        }
        table.add(kept, key, n)
    })
    .await?;
    for (key, n) in edge.unflushed() {
        tail_days.add(&key[2..]);
        if table.is_within(&key[2..10]) {
            table.add(CounterTable::Edge, &key, n)?;
        }
    }
    if let Some((first, last)) = counted_days.0 {
        for day in [first, last] {
            tail_days.add_day(day);
        }
    }
    let (first, last) = tail_days.within(*period);
    let (rows, total) = table.finish();
    let today = now.vietnamese_hour().date;
    Ok(MatchRates {
        from: period.from.or(first).or(period.to).unwrap_or(today),
        to: period.to.or(last).or(period.from).unwrap_or(today),
        grouping: grouping.clone(),
        rows,
        total,
    })
}

/// Cubes whose counters a report is made of.
fn cubes(grouping: &Grouping) -> &'static [Cube] {
    match grouping.cube() {
        Cube::Outcomes => &[Cube::Outcomes, Cube::Disputes],
        Cube::Attributes => &[Cube::Attributes],
        // That somebody has died is known to the first cube alone.
        Cube::Provinces => &[Cube::Provinces, Cube::Outcomes, Cube::Disputes],
        Cube::Disputes => &[Cube::Disputes],
    }
}

/// The same for entries that no counter covers yet, with the cube that every one of them is in: its
/// keys tell the days.
fn tail_cubes(grouping: &Grouping) -> &'static [Cube] {
    match grouping.cube() {
        Cube::Outcomes => &[Cube::Outcomes, Cube::Disputes],
        Cube::Attributes => &[Cube::Attributes, Cube::Outcomes, Cube::Disputes],
        Cube::Provinces => &[Cube::Provinces, Cube::Outcomes, Cube::Disputes],
        Cube::Disputes => &[Cube::Disputes, Cube::Outcomes],
    }
}

/// The counters to be read.
fn plan(question: &Question, extent: &Extent) -> Result<Vec<CounterBatch>, ReportError> {
    let Question { period, grouping, scope } = question;
    let client = match scope {
        Scope::All | Scope::ActedFor(_) => String::new(),
        Scope::Client(client) => format!("{client}|"),
    };
    let mut batches = Vec::new();
    let mut add = |table, cube: &str, finest, extent: &Option<(String, String)>| {
        let Some((first, last)) = extent.as_ref().and_then(days_of) else { return Ok(()) };
        let asked = (period.from.unwrap_or(first), period.to.unwrap_or(last));
        let pieces = pieces(finest, asked, (first, last));
        if finest == Finest::Hour && pieces.len() > HOUR_DAYS_MAX * 24 {
            return Err(ReportError::TooManyHours);
        }
        for is_minus in [false, true] {
            let path = |grain: Grain, digits: String| {
                KeyRange::below(&format!("{cube}{}|{digits}|{client}", grain.letter()))
            };
            let ranges: Vec<KeyRange> = pieces
                .iter()
                .filter(|piece| piece.is_minus == is_minus)
                .map(|piece| path(piece.grain, piece.period()))
                .collect();
            batches.push(CounterBatch { table, is_minus, ranges });
        }
        Ok(())
    };
    for cube in cubes(grouping) {
        let prefix = format!("{}|", cube.letter());
        add(CounterTable::Log, &prefix, Finest::of(grouping), &extent.log)?;
    }
    match grouping.cube() {
        Cube::Outcomes | Cube::Provinces => {
            add(CounterTable::Edge, "", Finest::without_hours(grouping), &extent.edge)?;
        }
        Cube::Attributes | Cube::Disputes => {}
    }
    Ok(batches)
}

fn days_of((first, last): &(String, String)) -> Option<(Date, Date)> {
    Some((day_of(first)?, day_of(last)?))
}

/// The day of an hour or day by its digits.
fn day_of(digits: &str) -> Option<Date> {
    Date::strptime("%Y%m%d", digits.get(..8)?).ok()
}

/// The first and the last day of which something is counted, by their digits.
#[derive(Debug, Default)]
struct CountedDays(Option<([u8; 8], [u8; 8])>);

impl CountedDays {
    fn add(&mut self, digits: &str) {
        if let Some(&day) = digits.as_bytes().first_chunk() {
            self.add_day(day);
        }
    }

    fn add_day(&mut self, day: [u8; 8]) {
        let (first, last) = self.0.unwrap_or((day, day));
        self.0 = Some((first.min(day), last.max(day)));
    }

    /// The ends of a period that are open in the question, where anything is counted in it.
    fn within(&self, period: Period) -> (Option<Date>, Option<Date>) {
        let date = |day: [u8; 8]| day_of(std::str::from_utf8(&day).ok()?);
        let first = self.0.and_then(|(first, _)| date(first));
        let last = self.0.and_then(|(_, last)| date(last));
        (
            first.filter(|first| period.to.is_none_or(|to| *first <= to)),
            last.filter(|last| period.from.is_none_or(|from| from <= *last)),
        )
    }
}
