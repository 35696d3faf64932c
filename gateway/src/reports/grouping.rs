//! By what a report tells its rows apart.

use crate::audit::Cube;

/// One thing by which rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Client.
    Client,
    /// Kind of client.
    Kind,
    /// Agency acted for.
    OnBehalfOf,
    /// Operation.
    Operation,
    /// Purpose.
    Purpose,
    /// Outcome.
    Outcome,
    /// Status of the subject.
    Status,
    /// Attribute.
    Attribute,
    /// Verdict on the attribute.
    Verdict,
    /// Reason of the verdict.
    Reason,
    /// Prefix of the number.
    Province,
    /// Reason of the disputed answer.
    DisputeReason,
    /// Hour.
    Hour,
    /// Day.
    Day,
    /// Month.
    Month,
}

impl Dimension {
    /// All dimensions.
    pub const ALL: [Self; 15] = [
        Self::Client,
        Self::Kind,
        Self::OnBehalfOf,
        Self::Operation,
        Self::Purpose,
        Self::Outcome,
        Self::Status,
        Self::Attribute,
        Self::Verdict,
        Self::Reason,
        Self::Province,
        Self::DisputeReason,
        Self::Hour,
        Self::Day,
        Self::Month,
    ];

    /// The name in the parameter, and of the member in a row's `group`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Kind => "kind",
            Self::OnBehalfOf => "on_behalf_of",
            Self::Operation => "operation",
            Self::Purpose => "purpose",
            Self::Outcome => "outcome",
            Self::Status => "status",
            Self::Attribute => "attribute",
            Self::Verdict => "verdict",
            Self::Reason => "reason",
            Self::Province => "province",
            Self::DisputeReason => "dispute_reason",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The field of keys that it is read from; `None` for times, which every key has.
    pub(super) fn field(self) -> Option<&'static str> {
        match self {
            Self::Hour | Self::Day | Self::Month => None,
            Self::Kind => Some(Self::Client.name()),
            Self::Client
            | Self::OnBehalfOf
            | Self::Operation
            | Self::Purpose
            | Self::Outcome
            | Self::Status
            | Self::Attribute
            | Self::Verdict
            | Self::Reason
            | Self::Province
            | Self::DisputeReason => Some(self.name()),
        }
    }
}

/// Dimensions that one cube holds together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    dimensions: Vec<Dimension>,
    cube: Cube,
}

/// The parameter's value for one row.
const NONE: &str = "none";

/// Cubes that a report can be about, the first that holds the dimensions is taken.
const CUBES: [Cube; 4] = [Cube::Outcomes, Cube::Attributes, Cube::Provinces, Cube::Disputes];

impl Grouping {
    /// One row.
    pub fn none() -> Self {
        Self { dimensions: Vec::new(), cube: Cube::Outcomes }
    }

    /// These dimensions; `None` if no cube holds them all or one stands twice.
    pub fn by(dimensions: &[Dimension]) -> Option<Self> {
        let is_twice = |(position, dimension)| dimensions[..position].contains(dimension);
        if dimensions.iter().enumerate().any(is_twice) {
            return None;
        }
        let fields = || dimensions.iter().filter_map(|dimension| dimension.field());
        let cube = CUBES.into_iter().find(|cube| {
            let held = cube.fields();
            fields().all(|field| held.contains(&field))
        })?;
        Some(Self { dimensions: dimensions.to_vec(), cube })
    }

    /// Reads the parameter: `none`, or names separated by commas.
    pub fn parse(text: &str) -> Option<Self> {
        if text == NONE {
            return Some(Self::none());
        }
        let find = |name| Dimension::ALL.into_iter().find(|dimension| dimension.name() == name);
        Self::by(&text.split(',').map(find).collect::<Option<Vec<_>>>()?)
    }

    /// The dimensions in the order in which they were asked.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The cube that holds them.
    pub fn cube(&self) -> Cube {
        self.cube
    }

    /// Whether rows are told apart by this.
    pub fn has(&self, dimension: Dimension) -> bool {
        self.dimensions.contains(&dimension)
    }

    /// Names of the columns in front of the figures.
    pub fn columns(&self) -> Vec<&'static str> {
        if self.dimensions.is_empty() {
            return vec![NONE];
        }
        self.dimensions.iter().map(|dimension| dimension.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_is_held_by_a_cube_and_combinations_by_one() {
        for dimension in Dimension::ALL {
            assert!(Grouping::parse(dimension.name()).is_some(), "{dimension:?}");
        }
        for (text, cube) in [
            ("none", Cube::Outcomes),
            ("client,month", Cube::Outcomes),
            ("kind,on_behalf_of,operation,purpose,outcome,status,hour", Cube::Outcomes),
            ("attribute,reason", Cube::Attributes),
            ("kind,verdict,day", Cube::Attributes),
            ("province,client", Cube::Provinces),
            ("outcome,province", Cube::Provinces),
            ("dispute_reason,purpose", Cube::Disputes),
        ] {
            assert_eq!(Grouping::parse(text).map(|it| it.cube()), Some(cube), "{text}");
        }
    }

    #[test]
    fn what_no_cube_holds_together_is_no_grouping() {
        for text in [
            "",
            ",",
            "client,",
            "client, month",
            "client,client",
            "none,client",
            "Client",
            "week",
            "attribute,purpose",
            "province,attribute",
            "province,status",
            "reason,dispute_reason",
        ] {
            assert_eq!(Grouping::parse(text), None, "{text}");
        }
    }
}
