//! Rows of the log's tables, and mutations as rows taken away and put there.

use gateway::audit::{OpenError, VerifyError};
use gateway::store::StoreError;
use sqlx::SqliteConnection;

use super::ground::LOG;

/// A row of `log_bundles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    pub(super) log: &'static str,
    pub(super) first_index: i64,
    pub(super) entries_count: i64,
    pub(super) day: i64,
    pub(super) entries: Vec<u8>,
}

/// A row of `log_tiles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) level: i64,
    pub(super) index: i64,
    pub(super) hashes: Vec<u8>,
}

/// The row of `log_checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) tree_size: i64,
    pub(super) counted_size: i64,
    pub(super) note: Vec<u8>,
}

impl Bundle {
    pub(super) async fn all(hand: &mut SqliteConnection) -> Vec<Self> {
        let select = "select first_index, entries_count, day, entries from log_bundles \
                      order by first_index";
        let rows: Vec<(i64, i64, i64, Vec<u8>)> =
            sqlx::query_as(select).fetch_all(hand).await.unwrap();
        rows.into_iter()
            .map(|(first_index, entries_count, day, entries)| Self {
                log: LOG,
                first_index,
                entries_count,
                day,
                entries,
            })
            .collect()
    }

    /// Index after its last entry.
    pub(super) fn until(&self) -> i64 {
        self.first_index + self.entries_count
    }

    /// Its entries, each with its length before it.
    pub(super) fn split(&self) -> Vec<Vec<u8>> {
        let (mut rest, mut entries) = (self.entries.as_slice(), Vec::new());
        while let Some(length) = rest.first_chunk::<2>() {
            let (entry, after) = rest.split_at(2 + usize::from(u16::from_be_bytes(*length)));
            entries.push(entry.to_vec());
            rest = after;
        }
        entries
    }
}

impl Tile {
    pub(super) async fn all(hand: &mut SqliteConnection) -> Vec<Self> {
        let select = "select level, tile_index, hashes from log_tiles order by level, tile_index";
        let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(select).fetch_all(hand).await.unwrap();
        rows.into_iter().map(|(level, index, hashes)| Self { level, index, hashes }).collect()
    }

    pub(super) fn place(&self) -> (i64, i64) {
        (self.level, self.index)
    }
}

impl Checkpoint {
    pub(super) async fn of(hand: &mut SqliteConnection) -> Self {
        let select = "select tree_size, counted_size, cast(note as blob) from log_checkpoints";
        let (tree_size, counted_size, note) = sqlx::query_as(select).fetch_one(hand).await.unwrap();
        Self { tree_size, counted_size, note }
    }
}

/// A row of any of the three tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    Bundle(Bundle),
    Tile(Tile),
    Checkpoint(Checkpoint),
}

impl Row {
    pub(super) async fn delete(&self, hand: &mut SqliteConnection) {
        let query = match self {
            Self::Bundle(row) => {
                sqlx::query("delete from log_bundles where log = $1 and first_index = $2")
                    .bind(row.log)
                    .bind(row.first_index)
            }
            Self::Tile(row) => {
                sqlx::query("delete from log_tiles where level = $1 and tile_index = $2")
                    .bind(row.level)
                    .bind(row.index)
            }
            Self::Checkpoint(_) => sqlx::query("delete from log_checkpoints"),
        };
        assert_eq!(query.execute(hand).await.unwrap().rows_affected(), 1, "{self:?}");
    }

    pub(super) async fn insert(&self, hand: &mut SqliteConnection) {
        let query = match self {
            Self::Bundle(row) => sqlx::query(
                "insert into log_bundles (log, first_index, entries_count, day, entries) \
                 values ($1, $2, $3, $4, $5)",
            )
            .bind(row.log)
            .bind(row.first_index)
            .bind(row.entries_count)
            .bind(row.day)
            .bind(row.entries.as_slice()),
            Self::Tile(row) => sqlx::query(
                "insert into log_tiles (log, level, tile_index, hashes) values ($1, $2, $3, $4)",
            )
            .bind(LOG)
            .bind(row.level)
            .bind(row.index)
            .bind(row.hashes.as_slice()),
            // A note is text, whatever its bytes are.
            Self::Checkpoint(row) => sqlx::query(
                "insert into log_checkpoints (log, tree_size, counted_size, note) \
                 values ($1, $2, $3, cast($4 as text))",
            )
            .bind(LOG)
            .bind(row.tree_size)
            .bind(row.counted_size)
            .bind(row.note.as_slice()),
        };
        query.execute(hand).await.unwrap();
    }
}

/// Where a mutation is; an error must name one of these places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The bundle that begins there, or begins there no more.
    Bundle(i64),
    /// An entry in this bundle.
    EntryOf(i64),
    /// This entry.
    Entry(i64),
    /// The entries after the last full tile, of which none can be told from the others.
    Tail,
    /// A tile.
    Tile((i64, i64)),
    /// The signed note.
    Note,
    /// A number beside it.
    Column(&'static str),
    /// The whole row.
    Checkpoint,
}

/// Rows taken away and rows put there.
#[derive(Debug)]
pub(super) struct Mutation {
    pub(super) what: String,
    pub(super) removed: Vec<Row>,
    pub(super) added: Vec<Row>,
    pub(super) places: Vec<Place>,
}

impl Mutation {
    /// One row becomes another.
    pub(super) fn of(what: String, before: Row, after: Row, places: Vec<Place>) -> Self {
        Self { what, removed: vec![before], added: vec![after], places }
    }

    /// Whether an error names one of the places.
    pub(super) fn is_named_by(&self, error: &VerifyError) -> bool {
        let is_place = |place: Place| self.places.contains(&place);
        match error {
            VerifyError::Bundle { first_index, .. } => is_place(Place::Bundle(*first_index)),
            VerifyError::Entry { index, first_index, .. } => {
                is_place(Place::Entry(*index as i64))
                    || is_place(Place::EntryOf(*first_index as i64))
            }
            VerifyError::Tile { level, tile_index, .. } => {
                is_place(Place::Tile((*level, *tile_index)))
            }
            VerifyError::Root { .. } => is_place(Place::Tail),
            VerifyError::Checkpoint { column, .. } => is_place(Place::Column(column)),
            VerifyError::NoCheckpoint { .. } => is_place(Place::Checkpoint),
            VerifyError::Open(OpenError::Checkpoint { .. }) => is_place(Place::Note),
            // Bytes that are no text are refused where rows are read; the column is named.
            VerifyError::Store(StoreError::Database(error)) => {
                is_place(Place::Note) && error.to_string().contains("note")
            }
            VerifyError::Store(_)
            | VerifyError::Open(_)
            | VerifyError::NoSuchLog { .. }
            | VerifyError::Range { .. } => false,
        }
    }
}
