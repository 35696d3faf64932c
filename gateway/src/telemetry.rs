//! What the process says about itself: its log on standard error and its metrics.
//!
//! No personal value goes through here: neither a field of an event nor a label of a metric is
//! ever made from a request's values.

use std::io::IsTerminal;

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, TelemetryConfig};

/// Bounds of the duration histogram in seconds: from a tenth of a millisecond to the time-out.
const DURATION_BUCKETS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Starts the process log. A second call in one process (tests) keeps the first.
///
/// # Errors
/// A filter directive that cannot be read.
pub fn start_log(config: &TelemetryConfig) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::builder().parse(&config.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // The only failure is that a subscriber is set already.
    let _kept = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

/// The numbers the process counts, as handles: a hot path adds to an atomic and looks up nothing.
pub struct Metrics {
    recorder: PrometheusRecorder,
    /// Seconds from a request's head to its answer.
    pub request_seconds: Histogram,
    /// Entries made durable.
    pub log_entries: Counter,
    /// Commits of the log.
    pub log_commits: Counter,
    /// Seconds of one commit.
    pub log_commit_seconds: Histogram,
    /// Questions put to the population database.
    pub population_items: Counter,
    /// Calls made to the population database.
    pub population_calls: Counter,
    /// Calls to the population database that brought no answer.
    pub population_failures: Counter,
    /// Requests that a quota had no room for.
    pub quota_refusals: Counter,
    /// Percentages of quotas that were reached, and told by this node.
    pub quota_warnings: Counter,
    /// Guesses that a person's budgets had no room for.
    pub guess_refusals: Counter,
    /// Failed guesses held in memory.
    pub guess_failures: Gauge,
    /// Guesses for which the log was asked what has failed before.
    pub guess_log_reads: Counter,
    /// 1 while limits are not shared because Redis does not answer in time, else 0.
    pub limits_unshared: Gauge,
    /// Requests let through meanwhile, each from a node's own part.
    pub limits_unshared_requests: Counter,
    /// Clients with an agreement or an assessment that ends within 30 days.
    pub clients_ending: Gauge,
    /// Clients with one that has ended.
    pub clients_ended: Gauge,
}

impl Metrics {
    /// A recorder of its own, so that several gateways live in one test process.
    ///
    /// # Panics
    /// Never: the histogram's bounds are a constant that is not empty.
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &DURATION_BUCKETS)
            .expect("the bounds are not empty")
            .build_recorder();
        let counter = |name: &'static str| {
            metrics::with_local_recorder(&recorder, || metrics::counter!(name))
        };
        let histogram = |name: &'static str| {
            metrics::with_local_recorder(&recorder, || metrics::histogram!(name))
        };
        let warned = |code: &'static str| {
            metrics::with_local_recorder(
                &recorder,
                || metrics::gauge!("gateway_clients_warned", "code" => code),
            )
        };
        Self {
            clients_ending: warned("ends-soon"),
            clients_ended: warned("ended"),
            guess_refusals: counter("gateway_guess_refusals_total"),
            guess_failures: metrics::with_local_recorder(&recorder, || {
                metrics::gauge!("gateway_guess_failures")
            }),
            guess_log_reads: counter("gateway_guess_log_reads_total"),
            limits_unshared: metrics::with_local_recorder(&recorder, || {
                metrics::gauge!("gateway_limits_unshared")
            }),
            limits_unshared_requests: counter("gateway_limits_unshared_requests_total"),
            request_seconds: histogram("gateway_request_seconds"),
            log_entries: counter("gateway_log_entries_total"),
            log_commits: counter("gateway_log_commits_total"),
            log_commit_seconds: histogram("gateway_log_commit_seconds"),
            population_items: counter("gateway_population_items_total"),
            population_calls: counter("gateway_population_calls_total"),
            population_failures: counter("gateway_population_failures_total"),
            quota_refusals: counter("gateway_quota_refusals_total"),
            quota_warnings: counter("gateway_quota_warnings_total"),
            recorder,
        }
    }

    /// The handle of a request counter for one route and status; for tables made at start.
    pub fn requests(&self, route: &'static str, status: u16) -> Counter {
        metrics::with_local_recorder(
            &self.recorder,
            || metrics::counter!("gateway_requests_total", "route" => route, "status" => status.to_string()),
        )
    }

    /// The handle of a counter with a label of few values; for tables made at start.
    pub fn counter(
        &self,
        name: &'static str,
        (key, value): (&'static str, &'static str),
    ) -> Counter {
        metrics::with_local_recorder(&self.recorder, || metrics::counter!(name, key => value))
    }

    /// The same of a gauge.
    pub fn gauge(&self, name: &'static str, (key, value): (&'static str, &'static str)) -> Gauge {
        metrics::with_local_recorder(&self.recorder, || metrics::gauge!(name, key => value))
    }

    /// The same of a histogram.
    pub fn histogram(
        &self,
        name: &'static str,
        (key, value): (&'static str, &'static str),
    ) -> Histogram {
        metrics::with_local_recorder(&self.recorder, || metrics::histogram!(name, key => value))
    }

    /// Requests of one client on the emergency lane. Few clients have it, so that each is told.
    pub fn emergency_requests(&self, client: &str) -> Counter {
        metrics::with_local_recorder(
            &self.recorder,
            || metrics::counter!("gateway_emergency_requests_total", "client" => client.to_owned()),
        )
    }

    /// Handle that renders the text form and does the upkeep; histograms grow without bound
    /// unless [`PrometheusHandle::run_upkeep`] runs now and then.
    pub fn handle(&self) -> PrometheusHandle {
        self.recorder.handle()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
