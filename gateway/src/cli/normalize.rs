//! `gateway normalize`: what the published rules do to a value, step by step.

use comfy_table::{Table, presets};

use super::{CliError, Format, NormalizeArgs};
use crate::matching::{self, PROFILE};

/// Runs the command.
pub(super) fn normalize(args: &NormalizeArgs, format: Format) -> Result<(), CliError> {
    let steps = matching::normalize(args.attribute, &args.value).map_err(|malformed| {
        CliError::Failed(format!("a request with this {} is refused: {malformed}", args.attribute))
    })?;
    match format {
        Format::Table => {
            let mut table = Table::new();
            table.load_style(presets::UTF8_FULL_CONDENSED);
            table.set_header(["step", "value"]);
            for step in &steps {
                table.add_row([step.step, &step.value]);
            }
            println!("{table}");
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(std::io::stdout().lock());
            let written = std::iter::once(["step", "value"])
                .chain(steps.iter().map(|step| [step.step, step.value.as_str()]))
                .try_for_each(|row| writer.write_record(row));
            written.map_err(|error| CliError::Failed(error.to_string()))?;
        }
        Format::Json => super::report::print_json(&serde_json::json!({
            "profile": PROFILE,
            "attribute": args.attribute.name(),
            "steps": steps.iter().map(|step| serde_json::json!({
                "step": step.step, "value": step.value,
            })).collect::<Vec<_>>(),
        }))?,
    }
    Ok(())
}
