//! What is ordered: the arguments as the body of `POST /v1/jobs`.
//!
//! Only what nobody else could explain better is judged here; the rest is for the gateway.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{LineFormat, Mode, VerifyFileArgs};
use crate::cli::CliError;
use crate::jobs::rows::Field;

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reconcile => "reconcile",
        }
    }
}

impl LineFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// By the end of a file's name, `.gz` left aside.
    fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        match name.strip_suffix(".gz").unwrap_or(&name).rsplit_once('.')?.1 {
            "csv" | "tsv" | "txt" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// Reads `full_name=HO TEN`.
pub(super) fn parse_column(text: &str) -> Result<(String, String), String> {
    let Some((field, header)) = text.split_once('=').filter(|(_, header)| !header.is_empty())
    else {
        return Err("takes FIELD=HEADER".to_owned());
    };
    if Field::find(field).is_none() {
        return Err(format!("the fields are {}", Field::ALL.map(Field::name).join(", ")));
    }
    Ok((field.to_owned(), header.to_owned()))
}

/// Reads a share, 0 to 1.
pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "takes a share from 0 to 1, such as 0.05".to_owned())
}

/// The body of `POST /v1/jobs`.
pub(super) fn body(args: &VerifyFileArgs) -> Result<Value, CliError> {
    let format = args.format.or_else(|| LineFormat::of_name(&args.file)).ok_or_else(|| {
        CliError::Usage("FILE's name tells no format; give --format csv or ndjson".to_owned())
    })?;
    let results = LineFormat::of_name(&args.out).unwrap_or(format);
    let mut body = json!({
        "purpose": args.purpose,
        "mode": args.mode.name(),
        "format": format.name(),
        "results": results.name(),
        "columns": columns(&args.columns)?,
        "error_threshold": args.error_threshold,
        "dry_run": args.dry_run,
    });
    for (name, value) in [
        ("on_behalf_of", &args.on_behalf_of),
        ("official", &args.official),
        ("procedure", &args.procedure),
    ] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    Ok(body)
}

fn columns(named: &[(String, String)]) -> Result<Value, CliError> {
    if named.is_empty() {
        return Ok(json!("auto"));
    }
    let mut columns = Map::new();
    for (field, header) in named {
        if columns.insert(field.clone(), json!(header)).is_some() {
            return Err(CliError::Usage(format!("--columns names {field} twice")));
        }
    }
    Ok(Value::Object(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_told_by_a_name() {
        for (name, format) in [
            ("a/subscribers.csv", Some(LineFormat::Csv)),
            ("KHACH HANG.CSV.GZ", Some(LineFormat::Csv)),
            ("x.ndjson", Some(LineFormat::Ndjson)),
            ("x.jsonl.gz", Some(LineFormat::Ndjson)),
            ("x.xlsx", None),
            ("csv", None),
            ("x.gz", None),
        ] {
            assert_eq!(LineFormat::of_name(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn a_column_is_a_field_and_a_header_that_may_hold_anything() {
        let parsed = parse_column("full_name=Họ = tên").unwrap();
        assert_eq!(parsed, ("full_name".to_owned(), "Họ = tên".to_owned()));
        for wrong in ["full_name", "full_name=", "=HO TEN", "name=HO TEN"] {
            assert!(parse_column(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_lies_between_0_and_1() {
        assert_eq!(parse_share("0.2"), Ok(0.2));
        for wrong in ["", "1.1", "-0.1", "NaN", "5%"] {
            assert!(parse_share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_field_has_one_column() {
        let column = |header: &str| ("sex".to_owned(), header.to_owned());
        assert!(columns(&[column("a"), column("b")]).is_err());
        assert_eq!(columns(&[column("a")]).unwrap(), json!({"sex": "a"}));
        assert_eq!(columns(&[]).unwrap(), json!("auto"));
    }
}
