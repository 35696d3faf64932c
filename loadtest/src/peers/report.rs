//! What a comparison found: medians, ratios, the gates beside them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use comfy_table::Table;
use serde::Serialize;

use super::rounds::{Measured, System};
use crate::cli::PeersArgs;
use crate::failure::Failure;
use crate::stats::{median, ratio, thousandths};

/// Gate and aim for the gateway against `HAProxy` (design section 12).
const HAPROXY_GATE: (f64, f64) = (1.2, 1.5);

/// Gate and aim for the gateway against the bare echo (design section 12).
const ECHO_GATE: (f64, f64) = (0.45, 0.6);

/// The comparison as it stands in the file. A system that was left out is null.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    echo: Option<Figures>,
    haproxy: Option<Figures>,
    gateway: Option<Figures>,
    ratios: Ratios,
    rounds: u32,
    seconds: u32,
    connections: u32,
}

/// Medians of one system over all rounds; errors and wrong answers are sums.
#[derive(Debug, Serialize)]
struct Figures {
    rps: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us_per_request: Option<f64>,
    generator_cpu_us_per_request: Option<f64>,
    errors: u64,
    wrong: u64,
    #[serde(skip)]
    complaint: Option<String>,
}

/// Requests a second of the gateway, over those of its peers.
#[derive(Debug, Serialize)]
struct Ratios {
    gateway_vs_haproxy: Option<f64>,
    gateway_vs_echo: Option<f64>,
}

impl Comparison {
    /// Medians and ratios of all measurements.
    pub(super) fn new(args: &PeersArgs, measured: &[Measured]) -> Self {
        let [echo, haproxy, gateway] = [System::Echo, System::Haproxy, System::Gateway]
            .map(|system| Figures::of(system, measured));
        let against = |peer: &Option<Figures>| {
            let ratio = ratio(gateway.as_ref()?.rps, peer.as_ref()?.rps);
            ratio.map(thousandths)
        };
        let ratios =
            Ratios { gateway_vs_haproxy: against(&haproxy), gateway_vs_echo: against(&echo) };
        Self {
            echo,
            haproxy,
            gateway,
            ratios,
            rounds: args.rounds,
            seconds: args.seconds,
            connections: args.connections,
        }
    }

    /// The figures for a person.
    pub(super) fn table(&self) -> String {
        let mut table = Table::new();
        table.set_header([
            "system",
            "requests/s",
            "p50 ms",
            "p99 ms",
            "CPU us/request",
            "generator us/request",
            "errors",
            "wrong",
        ]);
        for (name, figures) in self.systems() {
            table.add_row(figures.map_or_else(|| vec![name.to_owned()], |f| f.row(name)));
        }
        let mut text = format!(
            "medians of {} rounds of {} s, {} connections, closed loop\n{table}\n",
            self.rounds, self.seconds, self.connections
        );
        for (name, figures) in self.systems() {
            if let Some(complaint) = figures.and_then(|figures| figures.complaint.as_ref()) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{name}: {complaint}");
            }
        }
        text.push_str(&gate_line("HAProxy", self.ratios.gateway_vs_haproxy, HAPROXY_GATE));
        text.push_str(&gate_line("echo", self.ratios.gateway_vs_echo, ECHO_GATE));
        text
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("the comparison")?;
        fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
    }

    /// Whether the figures mean anything. The gates are stated and not enforced here: whoever
    /// reads the file knows whether the machine was quiet.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        for (name, figures) in self.systems() {
            let Some(figures) = figures else { continue };
            if figures.wrong > 0 {
                let wrong = figures.wrong;
                return Err(Failure::Threshold(format!("{name}: {wrong} answers were wrong")));
            }
            if figures.rps <= 0.0 {
                return Err(Failure::Unavailable(format!("{name}: no good answer")));
            }
        }
        Ok(())
    }

    fn systems(&self) -> [(&'static str, Option<&Figures>); 3] {
        [
            ("echo", self.echo.as_ref()),
            ("haproxy", self.haproxy.as_ref()),
            ("gateway", self.gateway.as_ref()),
        ]
    }
}

impl Figures {
    fn of(system: System, measured: &[Measured]) -> Option<Self> {
        let own: Vec<&Measured> = measured.iter().filter(|m| m.system == system).collect();
        let of =
            |figure: fn(&Measured) -> f64| median(own.iter().map(|m| figure(m))).map(thousandths);
        let of_known = |figure: fn(&Measured) -> Option<f64>| {
            median(own.iter().filter_map(|m| figure(m))).map(thousandths)
        };
        let complaint = own.iter().find_map(|m| m.wrong.1.as_ref().or(m.errors.1.as_ref()));
        Some(Self {
            rps: of(|m| m.rps)?,
            p50_ms: of(|m| m.p50_ms)?,
            p99_ms: of(|m| m.p99_ms)?,
            cpu_us_per_request: of_known(|m| m.cpu_us_per_request),
            generator_cpu_us_per_request: of_known(|m| m.generator_cpu_us_per_request),
            errors: own.iter().map(|m| m.errors.0).sum(),
            wrong: own.iter().map(|m| m.wrong.0).sum(),
            complaint: complaint.cloned(),
        })
    }

    fn row(&self, name: &str) -> Vec<String> {
        let known = |micros: Option<f64>| {
            micros.map_or_else(|| "unknown".to_owned(), |micros| format!("{micros:.1}"))
        };
        vec![
            name.to_owned(),
            format!("{:.0}", self.rps),
            format!("{:.2}", self.p50_ms),
            format!("{:.2}", self.p99_ms),
            known(self.cpu_us_per_request),
            known(self.generator_cpu_us_per_request),
            self.errors.to_string(),
            self.wrong.to_string(),
        ]
    }
}

fn gate_line(peer: &str, ratio: Option<f64>, (gate, aim): (f64, f64)) -> String {
    let Some(ratio) = ratio else {
        return format!("gateway / {peer}: not measured (gate {gate}, aim {aim})\n");
    };
    let verdict = if ratio >= gate { "held" } else { "missed" };
    format!("gateway / {peer}: {ratio:.2} (gate {gate}: {verdict}, aim {aim})\n")
}

#[cfg(test)]
mod tests;
