//! What a client orders: the settings of a job, as they are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rows::{Columns, Field, FileFormat};
use crate::audit::ShortDigest;
use crate::hex::{hex, unhex};
use crate::request::{AgencyCode, Procedure, Purpose};

/// What is done with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Each is verified as a single request is.
    Verify,
}

impl Mode {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
        }
    }

    /// The mode with this name.
    pub fn find(name: &str) -> Option<Self> {
        (name == Self::Verify.name()).then_some(Self::Verify)
    }
}

/// What was ordered.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Why, from the purpose codes of the client.
    pub purpose: Purpose,
    /// What is done with the rows.
    pub mode: Mode,
    /// How the file is written.
    pub format: FileFormat,
    /// How the results are written.
    pub results: FileFormat,
    /// How columns are told.
    pub columns: Columns,
    /// The job stands still when more than this part of its rows cannot be read, 0 to 1.
    pub error_threshold: f64,
    /// Rows are read and nobody is asked.
    pub dry_run: bool,
    /// The agency for which the client acts.
    pub on_behalf_of: Option<AgencyCode>,
    /// Digest of the official who orders it.
    pub official: Option<ShortDigest>,
    /// Code of the public-service procedure.
    pub procedure: Option<Procedure>,
    /// Rows that are asked together. It stays as it was when the job began: chunks are the same wherever
    /// it is interrupted.
    pub chunk_rows: u16,
}

/// What is kept of an order cannot be read: it was written by another version, or is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the order of the job cannot be read")]
pub struct UnknownOrder;

/// As it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    purpose: String,
    mode: Mode,
    format: String,
    results: String,
    columns: Option<BTreeMap<String, String>>,
    error_threshold: f64,
    dry_run: bool,
    on_behalf_of: Option<String>,
    official: Option<String>,
    procedure: Option<String>,
    chunk_rows: u16,
}

impl Order {
    /// As it is kept: JSON without personal values.
    pub fn to_json(&self) -> String {
        let columns = match &self.columns {
            Columns::Auto => None,
            Columns::Named(names) => Some(
                names.iter().map(|(field, name)| (field.name().into(), name.to_string())).collect(),
            ),
        };
        let kept = Kept {
            purpose: self.purpose.as_str().to_owned(),
            mode: self.mode,
            format: self.format.name().to_owned(),
            results: self.results.name().to_owned(),
            columns,
            error_threshold: self.error_threshold,
            dry_run: self.dry_run,
            on_behalf_of: self.on_behalf_of.as_ref().map(|agency| agency.as_str().to_owned()),
            official: self.official.map(|digest| hex(&digest.0)),
            procedure: self.procedure.as_ref().map(|it| it.as_str().to_owned()),
            chunk_rows: self.chunk_rows,
        };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// Reads one that is kept.
    ///
    /// # Errors
    /// [`UnknownOrder`].
    pub fn parse(json: &str) -> Result<Self, UnknownOrder> {
        let kept: Kept = serde_json::from_str(json).map_err(|_| UnknownOrder)?;
        Self::read(kept).ok_or(UnknownOrder)
    }

    fn read(kept: Kept) -> Option<Self> {
        let columns = match kept.columns {
            None => Columns::Auto,
            Some(names) => {
                let named = names
                    .into_iter()
                    .map(|(field, name)| Some((Field::find(&field)?, name.into_boxed_str())));
                Columns::Named(named.collect::<Option<_>>()?)
            }
        };
        let official = match kept.official {
            None => None,
            Some(digest) => Some(ShortDigest(unhex(&digest)?.try_into().ok()?)),
        };
        Some(Self {
            purpose: Purpose::parse(&kept.purpose).ok()?,
            mode: kept.mode,
            format: FileFormat::find(&kept.format)?,
            results: FileFormat::find(&kept.results)?,
            columns,
            error_threshold: kept.error_threshold,
            dry_run: kept.dry_run,
            on_behalf_of: kept.on_behalf_of.map(|it| AgencyCode::parse(&it)).transpose().ok()?,
            official,
            procedure: kept.procedure.map(|it| Procedure::parse(&it)).transpose().ok()?,
            chunk_rows: kept.chunk_rows,
        })
    }
}
