//! Attributes and operations: the closed lists of what can be asked, with their names and numbers.

use std::fmt;

/// Something the register holds about a person and a caller may ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Attribute {
    /// Full name.
    FullName = 1,
    /// Date of birth, at day, month or year precision.
    DateOfBirth = 2,
    /// Sex.
    Sex = 3,
    /// Nine-digit number of the old identity card.
    OldIdNumber = 4,
    /// Date of issue of the current card.
    CardIssueDate = 5,
    /// Place of origin, by code.
    PlaceOfOrigin = 6,
    /// Permanent address, by code.
    PermanentAddress = 7,
    /// Ten-digit health insurance number.
    InsuranceNumber = 8,
}

impl Attribute {
    /// All attributes in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::FullName,
        Self::DateOfBirth,
        Self::Sex,
        Self::OldIdNumber,
        Self::CardIssueDate,
        Self::PlaceOfOrigin,
        Self::PermanentAddress,
        Self::InsuranceNumber,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullName => "full_name",
            Self::DateOfBirth => "date_of_birth",
            Self::Sex => "sex",
            Self::OldIdNumber => "old_id_number",
            Self::CardIssueDate => "card_issue_date",
            Self::PlaceOfOrigin => "place_of_origin",
            Self::PermanentAddress => "permanent_address",
            Self::InsuranceNumber => "insurance_number",
        }
    }

    /// The attribute with this name on the wire.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name() == name)
    }

    /// The attribute with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| *attribute as u8 == number)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of attributes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AttributeSet(u16);

impl AttributeSet {
    /// No attribute.
    pub const EMPTY: Self = Self(0);

    /// Whether the set holds `attribute`.
    pub fn contains(self, attribute: Attribute) -> bool {
        self.0 & Self::bit(attribute) != 0
    }

    /// The set with `attribute` in it.
    #[must_use]
    pub fn with(self, attribute: Attribute) -> Self {
        Self(self.0 | Self::bit(attribute))
    }

    /// What both sets hold.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What this set holds and the other does not.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The attributes in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Attribute> {
        Attribute::ALL.into_iter().filter(move |&attribute| self.contains(attribute))
    }

    fn bit(attribute: Attribute) -> u16 {
        1 << attribute as u8
    }
}

impl FromIterator<Attribute> for AttributeSet {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        attributes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for AttributeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Attribute::name)).finish()
    }
}

/// What a client does with the register. A token's scope is a list of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Operation {
    /// Compare claims with the record.
    Verify = 1,
    /// Read permitted values of one subject.
    Lookup = 2,
    /// Is this person insured.
    Insurance = 3,
    /// Follow the changes of the register.
    Sync = 4,
    /// Report a vital event to the register.
    Push = 5,
    /// See everyone's figures.
    Report = 6,
    /// See who asked about a person.
    History = 7,
    /// Read the log of all clients.
    Audit = 8,
    /// Administer clients, policies and keys.
    Admin = 9,
}

impl Operation {
    /// All operations in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Verify,
        Self::Lookup,
        Self::Insurance,
        Self::Sync,
        Self::Push,
        Self::Report,
        Self::History,
        Self::Audit,
        Self::Admin,
    ];

    /// The name on the wire and in a token's scope.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Lookup => "lookup",
            Self::Insurance => "insurance",
            Self::Sync => "sync",
            Self::Push => "push",
            Self::Report => "report",
            Self::History => "history",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }

    /// The operation with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The operation with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| *operation as u8 == number)
    }

    /// Whether an answer of this operation counts into `received` (design: `verify`, `lookup`,
    /// `insurance` and `push`; feeds and staff work have no outcome).
    pub fn is_counted(self) -> bool {
        match self {
            Self::Verify | Self::Lookup | Self::Insurance | Self::Push => true,
            Self::Sync | Self::Report | Self::History | Self::Audit | Self::Admin => false,
        }
    }
}
