//! The cubes and their grains by name: how a counter's key is made up.
//!
//! Pure. A key is a path of fields joined by `|`, which none of the fields can hold:
//!
//! | cube | fields |
//! | --- | --- |
//! | `o` | grain, period, client, on behalf of, operation, purpose, outcome, status |
//! | `a` | grain, period, client, attribute, verdict, reason |
//! | `p` | grain, period, client, prefix of the number, outcome |
//! | `d` | grain, period, client, operation, purpose, reason of the disputed answer, state |
//!
//! Grain `h`, `d`, `t`, `m` or `y`; period `2026112121`, `20261121`, `2026113` (third of the month:
//! days 1 to 10, 11 to 20, 21 to the end), `202611` or `2026`, Vietnamese time; `-` where a field
//! has no value. Thirds and years tell nothing that days and months do not; a report over any
//! period reads few counters because of them.

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cube {
    /// What requests came to.
    Outcomes,
    /// What comparing each attribute came to.
    Attributes,
    /// What requests came to, by the prefix of the number.
    Provinces,
    /// Disputes opened and decided.
    Disputes,
}

impl Cube {
    /// All cubes.
    pub const ALL: [Self; 4] = [Self::Outcomes, Self::Attributes, Self::Provinces, Self::Disputes];

    /// The first field of its keys.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Outcomes => "o",
            Self::Attributes => "a",
            Self::Provinces => "p",
            Self::Disputes => "d",
        }
    }

    /// The cube whose keys begin with this field.
    pub fn find(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cube| cube.letter() == letter)
    }

    /// Names of the fields that follow cube, grain and period.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Outcomes => {
                &["client", "on_behalf_of", "operation", "purpose", "outcome", "status"]
            }
            Self::Attributes => &["client", "attribute", "verdict", "reason"],
            Self::Provinces => &["client", "province", "outcome"],
            Self::Disputes => &["client", "operation", "purpose", "dispute_reason", "state"],
        }
    }
}

/// Length of the periods over which is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A third of a month.
    Third,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Grain {
    /// All grains, the finest first.
    pub const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Third, Self::Month, Self::Year];

    /// The field in keys.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Hour => "h",
            Self::Day => "d",
            Self::Third => "t",
            Self::Month => "m",
            Self::Year => "y",
        }
    }

    /// Writes the period of this grain that an hour or, where there are no hours, a day lies in;
    /// both by their digits, `2026112121` or `20261121`.
    pub fn write_period(self, digits: &str, text: &mut String) {
        match self {
            Self::Hour => text.push_str(digits),
            Self::Day => text.push_str(&digits[..8]),
            Self::Third => {
                text.push_str(&digits[..6]);
                text.push_str(match &digits[6..8] {
                    day if day <= "10" => "1",
                    day if day <= "20" => "2",
                    _ => "3",
                });
            }
            Self::Month => text.push_str(&digits[..6]),
            Self::Year => text.push_str(&digits[..4]),
        }
    }
}
