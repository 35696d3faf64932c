//! `gateway sandbox`: everything in one process, on loopback, from nothing to a match-rate table.
//!
//! Everything it keeps is in `./sandbox-data`. It seeds clients and policies, lends its own nation
//! to a mock of the population database, and on fresh data sends demonstration traffic through its
//! own door.

mod clients;
mod demo;
mod files;
mod personas;
mod policies;
mod secrets;
mod tables;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use mock_population_db::{DEFAULT_SEED, Nation, server as mock};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::app::App;
use crate::auth::ClientKind;
use crate::cli::{self, CliError, SandboxArgs};
use crate::clock::{Clock, Random};
use crate::config::{Config, TelemetryConfig};
use crate::http::Document;
use crate::reports::{self, Dimension, Grouping, Period, Question, ReportError, Scope};
use crate::server::Doors;
use crate::store::Store;
use clients::CLIENTS;
use policies::{POLICIES, SandboxPolicy};

/// People in `people.ndjson`.
const PEOPLE: u64 = 1_000;
/// Distance of the admin listener's port from the API's.
const ADMIN_OFFSET: u16 = 1;
/// Distance of the population database's port from the API's.
const POPULATION_OFFSET: u16 = 10;
/// Where the personas are shown.
const PERSONAS_PATH: &str = "/sandbox/v1/personas";

/// Runs until Ctrl-C.
pub async fn run(args: &SandboxArgs) -> Result<(), CliError> {
    cli::telemetry(&TelemetryConfig { filter: "warn".into(), ..TelemetryConfig::default() })?;
    cli::raise_descriptor_limit();
    let stop = cli::stop_signal()?;
    // Doors first: a second sandbox must not touch the data of the first.
    let address = |offset| SocketAddr::from((Ipv4Addr::LOCALHOST, args.port + offset));
    let doors = Doors::open(address(0), address(ADMIN_OFFSET)).await?;
    let population = TcpListener::bind(address(POPULATION_OFFSET)).await.map_err(|source| {
        crate::server::DoorError { address: address(POPULATION_OFFSET), source }
    })?;
    let folder = Path::new("sandbox-data");
    let _folder_held_while_we_run = files::prepare(folder, args.fresh)?;
    let random = Random::system();
    let api_key = files::population_key(folder, &random)?;
    files::write_config(folder, address(0), address(ADMIN_OFFSET), address(POPULATION_OFFSET))?;

    let nation = Arc::new(Nation::new(DEFAULT_SEED));
    let config = Config::load(Some(&folder.join("gateway.toml")))?;
    let hold = Store::hold(&config.store, &config.log.name).await?;
    let app = App::start(config, Clock::system(), random).await?;
    app.keep(hold);
    let personas = personas::find(&nation, &app.subject_tokens)?;
    files::write_whole(&folder.join("personas.csv"), &personas::to_csv(&personas)?, 0o644)?;
    let register = mock::Settings::new(api_key)
        .with_standing_faults(personas::faults(&personas))
        .map_err(|error| CliError::Failed(error.to_string()))?;
    // Not at the signal: requests in progress still need it.
    let (register_stop, register_stopped) = oneshot::channel::<()>();
    tokio::spawn(mock::serve(population, Arc::clone(&nation), register, async move {
        let _dropped_when_nobody_asks_any_more = register_stopped.await;
    }));
    seed(&app).await?;
    println!(
        "Gateway sandbox: API http://{}, admin http://{}, population database http://{}",
        address(0),
        address(ADMIN_OFFSET),
        address(POPULATION_OFFSET)
    );
    println!("98,000,000 people. Data in ./sandbox-data. Ctrl-C stops.");
    let count = personas.len();
    println!("{count} personas, one for every answer: http://{}{PERSONAS_PATH}", address(0));

    let tour = tokio::spawn(tour(Arc::clone(&app), nation, address(0), stop.clone()));
    let documents = vec![Document::new(PERSONAS_PATH, personas::to_json(&personas))];
    let ended_well = doors.serve(Arc::clone(&app), documents, stop).await;
    drop(register_stop);
    tour.abort();
    cli::how_it_ended(&app, ended_well)
}

/// Puts clients and policies into the store; what is there already stays.
async fn seed(app: &App) -> Result<(), CliError> {
    let now = app.clock.now();
    let policies = POLICIES
        .iter()
        .map(SandboxPolicy::row)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let rows: Vec<_> = CLIENTS.iter().map(|client| client.row(now)).collect();
    app.store.add_clients(&policies, &rows, now.0).await?;
    app.load_directory().await?;
    Ok(())
}

/// What a newcomer sees: secrets, people, traffic, a table and a request to paste. Runs behind
/// the open doors.
async fn tour(app: Arc<App>, nation: Arc<Nation>, api: SocketAddr, stop: watch::Receiver<bool>) {
    if let Err(error) = show_around(&app, &nation, api).await
        && !*stop.borrow()
    {
        eprintln!("gateway: {}", cli::sentence(&error));
    }
}

async fn show_around(
    app: &Arc<App>,
    nation: &Arc<Nation>,
    api: SocketAddr,
) -> Result<(), CliError> {
    let folder = Path::new("sandbox-data");
    if !folder.join("people.ndjson").exists() {
        let people: String = nation
            .sample_ordinals(PEOPLE)
            .map(|ordinal| nation.dossier(ordinal).to_json() + "\n")
            .collect();
        files::write_whole(&folder.join("people.ndjson"), people.as_bytes(), 0o644)?;
    }
    let known = files::read_secrets(folder).filter(|_| app.secrets.known() >= CLIENTS.len());
    let secrets = if let Some(secrets) = known {
        secrets
    } else {
        let secrets = secrets::issue(app).await?;
        files::write_clients(folder, &secrets)?;
        secrets
    };
    // A demonstration that was cut short is shown again: somebody waits for its end.
    if !folder.join("demo.done").exists() {
        let tally = demo::run(nation, api, &secrets).await?;
        print_table(app, &tally).await?;
        print_request(nation, api, &secrets[0]);
        return files::write_whole(&folder.join("demo.done"), b"", 0o644);
    }
    print_request(nation, api, &secrets[0]);
    Ok(())
}

async fn print_table(app: &App, tally: &demo::Tally) -> Result<(), CliError> {
    let grouping = Grouping::by(&[Dimension::Kind]).unwrap_or_else(Grouping::none);
    let question = Question { period: Period::default(), grouping, scope: Scope::All };
    let (now, kinds) = (app.clock.now(), app.client_kinds());
    let report = reports::match_rates(&app.store, &app.edge, now, &question, &kinds).await;
    let report = report.map_err(|error| match error {
        ReportError::Store(error) => CliError::Store(error),
        ReportError::TooManyRows | ReportError::TooManyHours => CliError::Failed(error.to_string()),
    })?;
    println!(
        "\nDemonstration: {} requests through the door. Match rates by kind of client:",
        tally.sent
    );
    println!("{}", cli::match_rate_table(&report));
    let carriers = report.rows.iter().find(|row| row.group["kind"] == ClientKind::Carrier.name());
    let carriers = carriers.and_then(|row| row.figures.answers());
    if let (Some(carriers), Some(all)) = (carriers, report.total.answers()) {
        println!("{}", demo::beside_founding_figures(carriers, all));
    }
    match tally.surprises {
        0 => println!("Every answer is the one that the truth behind its request demands."),
        surprises => println!("{surprises} answers were not those that the truth demands."),
    }
    Ok(())
}

fn print_request(nation: &Nation, api: SocketAddr, secret: &str) {
    let Some(body) = demo::request_to_try(nation) else {
        return;
    };
    println!("\nTry it:\n");
    println!(
        "TOKEN=$(curl -s -u 'viettel:{secret}' -d grant_type=client_credentials \
         http://{api}/oauth2/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    );
    println!(
        "curl -s http://{api}/v1/verifications -H \"Authorization: Bearer $TOKEN\" \
         -H 'Content-Type: application/json' -d '{body}'\n"
    );
}
