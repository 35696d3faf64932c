//! `gateway log export`: the entries of a log, one a line, for other programs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::log_columns::{cells, columns, csv_row, json_line};
use super::log_verify::logs;
use super::{CliError, Format, open_store};
use crate::audit::{Listed, Listing};
use crate::clock::Micros;
use crate::config::Config;
use crate::store::Store;

/// What is to be exported.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Name of the log; may be left out where the database holds one only.
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
    /// Index of the first entry.
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
    /// Index of the last entry.
    #[arg(long, value_name = "INDEX")]
    to: Option<u64>,
    /// Entries from this time on, such as 2026-11-21T21:40:00+07:00.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Micros>,
    /// Entries before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Micros>,
    /// Form of the lines; NDJSON, or CSV with -o csv, where it is not given.
    #[arg(long, value_enum)]
    format: Option<LineFormat>,
    /// Write to a file, whole or not at all, in place of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LineFormat {
    /// One JSON object a line.
    Ndjson,
    /// CSV with a header.
    Csv,
}

fn parse_time(text: &str) -> Result<Micros, String> {
    Micros::parse_rfc3339(text).ok_or_else(|| "takes a time such as 2026-11-21T21:40:00Z".into())
}

pub(super) async fn export(
    config: &Config,
    args: &ExportArgs,
    format: Format,
) -> Result<(), CliError> {
    let format = args.format.unwrap_or(match format {
        Format::Csv => LineFormat::Csv,
        Format::Table | Format::Json => LineFormat::Ndjson,
    });
    let store = open_store(config).await?;
    let Some(path) = &args.out else {
        let exported = write_lines(&store, args, format, io::stdout()).await;
        return match exported {
            // Who reads has seen enough.
            Err(CliError::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        };
    };
    let (file, temporary) = Temporary::create(path)?;
    let file = write_lines(&store, args, format, file).await?;
    temporary.keep(&file, path)
}

async fn write_lines<W: Write>(
    store: &Store,
    args: &ExportArgs,
    format: LineFormat,
    out: W,
) -> Result<W, CliError> {
    let log = log(store, args).await?;
    let size = store.checkpoint(&log).await?.map_or(0, |row| row.tree_size as u64);
    let until = args.to.map_or(size, |to| to.saturating_add(1));
    let mut listing = Listing::new(store, &log, args.from..until, size);
    let failed = || CliError::io("the export cannot be written");
    let mut lines = Lines::new(format, out).map_err(failed())?;
    while let Some(listed) = listing.next().await? {
        for listed in listed.iter().filter(|listed| args.holds(listed)) {
            lines.write(listed).map_err(failed())?;
        }
    }
    lines.end().map_err(failed())
}

impl ExportArgs {
    /// Whether an entry lies in the time asked for.
    fn holds(&self, listed: &Listed) -> bool {
        let at = listed.entry.at();
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// The one log to be exported.
async fn log(store: &Store, args: &ExportArgs) -> Result<String, CliError> {
    let mut logs = logs(store).await?;
    if let Some(log) = &args.log {
        let known = logs.into_iter().find(|known| known == log);
        return known.ok_or_else(|| CliError::Failed(format!("there is no log {log}")));
    }
    match (logs.pop(), logs.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            Err(CliError::Usage("the database holds several logs; name one by --log".into()))
        }
        (None, _) => Err(CliError::Failed("the database holds no log".into())),
    }
}

/// Writes entries as lines.
enum Lines<W: Write> {
    Ndjson(BufWriter<W>),
    Csv(Box<csv::Writer<W>>, Vec<String>),
}

impl<W: Write> Lines<W> {
    fn new(format: LineFormat, out: W) -> io::Result<Self> {
        match format {
            LineFormat::Ndjson => Ok(Self::Ndjson(BufWriter::new(out))),
            LineFormat::Csv => {
                let (mut writer, columns) = (csv::Writer::from_writer(out), columns());
                writer.write_record(&columns)?;
                Ok(Self::Csv(Box::new(writer), columns))
            }
        }
    }

    fn write(&mut self, listed: &Listed) -> io::Result<()> {
        let cells = cells(listed);
        match self {
            Self::Ndjson(out) => out.write_all(json_line(&cells)?.as_bytes()),
            Self::Csv(out, columns) => Ok(out.write_record(csv_row(columns, cells))?),
        }
    }

    fn end(self) -> io::Result<W> {
        match self {
            Self::Ndjson(out) => out.into_inner().map_err(io::IntoInnerError::into_error),
            Self::Csv(out, _) => out.into_inner().map_err(csv::IntoInnerError::into_error),
        }
    }
}

/// A file that is not what it will be yet: deleted, unless it is kept.
struct Temporary(Option<PathBuf>);

impl Temporary {
    /// In the folder of `path`, for the owner alone.
    fn create(path: &Path) -> Result<(File, Self), CliError> {
        let name = path.file_name().ok_or_else(|| CliError::Usage("--out takes a file".into()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}", std::process::id()));
        let temporary = path.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary);
        let file = file.map_err(CliError::io(format!("cannot write {}", path.display())))?;
        Ok((file, Self(Some(temporary))))
    }

    /// Gives the file its name. If we die before, only the temporary name is left behind.
    fn keep(mut self, file: &File, path: &Path) -> Result<(), CliError> {
        let failed = || CliError::io(format!("cannot write {}", path.display()));
        file.sync_all().map_err(failed())?;
        let temporary = self.0.as_deref().unwrap_or(path);
        fs::rename(temporary, path).map_err(failed())?;
        self.0 = None;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed())?;
        folder.sync_all().map_err(failed())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It is only in the way; the error that led here is told.
            let _left_behind = fs::remove_file(path);
        }
    }
}
