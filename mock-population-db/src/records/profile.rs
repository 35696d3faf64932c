//! Who holds records, and how good they are: small tables that people read and tune.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use super::Mistake;
use super::truth::PolicyView;

/// A kind of holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A telecom carrier with its subscribers.
    Carrier,
    /// A health facility with its patients.
    Hospital,
    /// A ministry's, an enterprise's or a platform's register.
    Ministry,
    /// A province with its citizens' files.
    Locality,
}

impl Holder {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Carrier, Self::Hospital, Self::Ministry, Self::Locality];

    /// The name in commands, files and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Carrier => "carrier",
            Self::Hospital => "hospital",
            Self::Ministry => "ministry",
            Self::Locality => "locality",
        }
    }

    /// Its profile, as compiled in.
    #[expect(clippy::missing_panics_doc, reason = "a test reads all four")]
    pub fn profile(self) -> Profile {
        let table = match self {
            Self::Carrier => include_str!("../../data/holders/carrier.csv"),
            Self::Hospital => include_str!("../../data/holders/hospital.csv"),
            Self::Ministry => include_str!("../../data/holders/ministry.csv"),
            Self::Locality => include_str!("../../data/holders/locality.csv"),
        };
        Profile::parse(table).expect("the profiles compiled in are well formed")
    }

    /// What the usual policy of such a holder accepts and shows.
    pub fn usual_policy(self) -> PolicyView<'static> {
        const REQUIRED: &[&str] = &["full_name", "date_of_birth"];
        let (accepted_reasons, discloses_status): (&[&str], bool) = match self {
            Self::Carrier => (&["marks_missing", "merged_place", "year_only"], false),
            Self::Hospital => {
                (&["marks_missing", "merged_place", "year_only", "day_month_swapped"], true)
            }
            Self::Ministry | Self::Locality => (&[], true),
        };
        PolicyView { required: REQUIRED, accepted_reasons, discloses_status }
    }

    /// The youngest people it keeps, in years.
    pub(super) fn youngest(self) -> u16 {
        match self {
            Self::Carrier => 14,
            Self::Hospital | Self::Ministry | Self::Locality => 0,
        }
    }

    /// Whether its clerks write days as `01/05/1990`.
    pub(super) fn writes_day_first(self) -> bool {
        match self {
            Self::Hospital | Self::Locality => true,
            Self::Carrier | Self::Ministry => false,
        }
    }
}

/// The first line of a profile.
const HEADER: &str = "part,name,per_100000,note";

impl FromStr for Holder {
    type Err = String;

    /// The kind with this name; else a sentence that lists the names.
    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|holder| holder.name() == name)
            .ok_or_else(|| format!("one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// Everything in a profile is so many of a hundred thousand records.
pub(super) const WHOLE: u32 = 100_000;

/// How good a holder's records are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Records kept under the insurance number.
    pub(super) by_insurance_number: u32,
    /// Records that hold the sex.
    pub(super) with_sex: u32,
    /// Records that hold the permanent address.
    pub(super) with_address: u32,
    /// For each mistake, the number of records up to and with it.
    mistakes: Vec<(Mistake, u32)>,
}

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    line: usize,
    what: String,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ProfileError {}

impl Profile {
    /// Reads a profile: the header, then rows of `part,name,per_100000,note`. Parts are `key`
    /// (`insurance_number`), `attribute` (`sex`, `permanent_address`) and `error` (a mistake); the
    /// records that no error takes have none.
    pub fn parse(table: &str) -> Result<Self, ProfileError> {
        let mut profile =
            Self { by_insurance_number: 0, with_sex: 0, with_address: 0, mistakes: Vec::new() };
        if table.lines().next().map(str::trim) != Some(HEADER) {
            let what = format!("a profile begins with {HEADER}");
            return Err(ProfileError { line: 1, what });
        }
        let mut end = 0;
        let mut seen = HashSet::new();
        let rows = table.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty());
        for (index, line) in rows {
            let wrong = |what: String| ProfileError { line: index + 1, what };
            let mut cells = line.splitn(4, ',').map(str::trim);
            let (part, name, share) = (cells.next(), cells.next(), cells.next());
            let (Some(part), Some(name), Some(share)) = (part, name, share) else {
                return Err(wrong("a row has part, name, per_100000 and note".to_owned()));
            };
            let share: u32 = share
                .parse()
                .ok()
                .filter(|share| *share <= WHOLE)
                .ok_or_else(|| wrong(format!("{share:?} is no number from 0 to 100,000")))?;
            if !seen.insert(name) {
                return Err(wrong(format!("{name} stands here twice")));
            }
            match (part, name) {
                ("key", "insurance_number") => profile.by_insurance_number = share,
                ("attribute", "sex") => profile.with_sex = share,
                ("attribute", "permanent_address") => profile.with_address = share,
                ("error", _) => {
                    let mistake = Mistake::find(name)
                        .filter(|mistake| *mistake != Mistake::None)
                        .ok_or_else(|| wrong(format!("there is no error {name:?}")))?;
                    end += share;
                    profile.mistakes.push((mistake, end));
                }
                _ => return Err(wrong(format!("there is no {part:?} named {name:?}"))),
            }
            if end > WHOLE {
                return Err(wrong("the errors come to more than all records".to_owned()));
            }
        }
        Ok(profile)
    }

    /// The mistake at a place among [`WHOLE`].
    pub(super) fn mistake_at(&self, place: u32) -> Mistake {
        let index = self.mistakes.partition_point(|(_, end)| *end <= place);
        self.mistakes.get(index).map_or(Mistake::None, |(mistake, _)| *mistake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_names_every_mistake() {
        for holder in Holder::ALL {
            let profile = holder.profile();
            for mistake in Mistake::ALL.into_iter().skip(1) {
                let is_named = profile.mistakes.iter().any(|(it, _)| *it == mistake);
                assert!(is_named, "{} in {}", mistake.name(), holder.name());
            }
        }
    }

    #[test]
    fn a_profile_that_says_nonsense_is_refused_with_its_line() {
        let error = |rows: &str| {
            Profile::parse(&format!("part,name,per_100000,note\n{rows}")).unwrap_err().to_string()
        };
        assert_eq!(error("error,no_marks,x,"), "line 2: \"x\" is no number from 0 to 100,000");
        assert_eq!(error("error,no_mark,1,"), "line 2: there is no error \"no_mark\"");
        assert_eq!(error("error,dead,1,\nerror,dead,1,"), "line 3: dead stands here twice");
        assert_eq!(
            error("error,dead,60000,\nerror,no_marks,60000,"),
            "line 3: the errors come to more than all records"
        );
        assert_eq!(
            error("attribute,phone,1,"),
            "line 2: there is no \"attribute\" named \"phone\""
        );
        assert_eq!(error("attribute,sex,1,\nattribute,sex,2,"), "line 3: sex stands here twice");
        for headless in ["", "error,dead,1,"] {
            let error = Profile::parse(headless).unwrap_err().to_string();
            assert_eq!(error, "line 1: a profile begins with part,name,per_100000,note");
        }
        assert_eq!(error("error"), "line 2: a row has part, name, per_100000 and note");
    }

    #[test]
    fn places_lead_to_mistakes_as_often_as_the_rows_say() {
        let profile = Profile::parse(
            "part,name,per_100000,note\n\nerror,dead,2,\nerror,no_marks,0,\nerror,year_only,3,",
        )
        .unwrap();
        let seen: [Mistake; 6] = std::array::from_fn(|place| profile.mistake_at(place as u32));
        let names = seen.map(Mistake::name);
        assert_eq!(names, ["dead", "dead", "year_only", "year_only", "year_only", "none"]);
    }
}
