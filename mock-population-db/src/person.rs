//! A person as the register has them.

use crate::date::{BirthDate, Date};
use crate::digits::{Digits, PersonalNumber};

/// What is on file about one person; `None` where nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The personal number now in force.
    pub personal_id: PersonalNumber,
    /// Number of the old identity card. A few are shared by two people.
    pub old_id_number: Option<Digits<9>>,
    /// Health insurance number.
    pub insurance_number: Option<Digits<10>>,
    /// Full name in NFC, as the register writes it.
    pub full_name: String,
    /// Date of birth, of some only the year.
    pub date_of_birth: BirthDate,
    /// Sex. In rare records it is not the one that the number spells.
    pub sex: Sex,
    /// The current card; many children have none.
    pub card: Option<Card>,
    /// Place of origin.
    pub place_of_origin: Place,
    /// Permanent address.
    pub permanent_address: Place,
    /// The same address in the codes from before July 2025.
    pub former_address: Place,
    /// Date of death.
    pub date_of_death: Option<Date>,
}

impl Person {
    /// Standing in the register.
    pub fn status(&self) -> Status {
        if self.is_deceased() { Status::Deceased } else { Status::Active }
    }

    /// Whether the person is dead.
    pub fn is_deceased(&self) -> bool {
        self.date_of_death.is_some()
    }
}

/// An identity card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// Date of issue.
    pub issued: Date,
    /// Last day of validity; none for holders above the last age of exchange.
    pub expires: Option<Date>,
}

/// Sex as the register knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    /// Male.
    Male,
    /// Female.
    Female,
}

impl Sex {
    /// Both, in the order of the digit in a personal number.
    pub const ALL: [Self; 2] = [Self::Male, Self::Female];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Male => Self::Female,
            Self::Female => Self::Male,
        }
    }
}

/// Where a person stands in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Alive.
    Active,
    /// Dead.
    Deceased,
}

impl Status {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deceased => "deceased",
        }
    }
}

/// A commune by its codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The scheme the codes belong to.
    pub scheme: Scheme,
    /// Statistical code of the province.
    pub province: Digits<2>,
    /// Statistical code of the commune.
    pub commune: Digits<5>,
}

/// A generation of place codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// 63 provinces with districts, in force until 30 June 2025.
    Before2025,
    /// 34 provinces without districts, since 1 July 2025.
    Since2025,
}

impl Scheme {
    /// The name on the wire: the year the scheme began.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before2025 => "2004",
            Self::Since2025 => "2025",
        }
    }
}
