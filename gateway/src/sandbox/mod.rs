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

use futures_util::future::join_all;
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
use files::Place;
use policies::{POLICIES, SandboxPolicy};

/// People in `people.ndjson`.
const PEOPLE: u64 = 1_000;
/// Distance of the admin listener's port from the API's.
const ADMIN_OFFSET: u32 = 1;
/// Distance of the population database's port from the API's.
const POPULATION_OFFSET: u32 = 10;
/// Distance of a node's ports from those of the node before it.
const NODE_OFFSET: u32 = 100;
/// Where the personas are shown.
const PERSONAS_PATH: &str = "/sandbox/v1/personas";

/// Runs until Ctrl-C.
pub async fn run(args: &SandboxArgs) -> Result<(), CliError> {
    cli::telemetry(&TelemetryConfig { filter: "warn".into(), ..TelemetryConfig::default() })?;
    cli::raise_descriptor_limit();
    let stop = cli::stop_signal()?;
    let places = places(args)?;
    // Doors first: a second sandbox must not touch the data of the first.
    let mut doors = Vec::new();
    for place in &places {
        doors.push(Doors::open(place.api, place.admin).await?);
    }
    let address = places[0].population;
    let population = TcpListener::bind(address)
        .await
        .map_err(|source| crate::server::DoorError { address, source })?;
    let folder = Path::new("sandbox-data");
    let _folder_held_while_we_run = files::prepare(folder, args.fresh)?;
    let api_key = files::population_key(folder, &Random::system())?;
    let mut apps = Vec::new();
    for place in &places {
        apps.push(start(place, folder).await?);
    }

    let nation = Arc::new(Nation::new(DEFAULT_SEED));
    let personas = personas::find(&nation, &apps[0].subject_tokens)?;
    files::write_whole(&folder.join("personas.csv"), &personas::to_csv(&personas)?, 0o644)?;
    let register = mock::Settings::new(api_key)
        .with_standing_faults(personas::faults(&personas))
        .map_err(|error| CliError::Failed(error.to_string()))?;
    // Not at the signal: requests in progress still need it.
    let (register_stop, register_stopped) = oneshot::channel::<()>();
    tokio::spawn(mock::serve(population, Arc::clone(&nation), register, async move {
        let _dropped_when_nobody_asks_any_more = register_stopped.await;
    }));
    greet(&places, personas.len());

    let tour = tokio::spawn(tour(apps.clone(), nation, places[0].api, stop.clone()));
    let served = doors.into_iter().zip(&apps).map(|(doors, app)| {
        let documents = vec![Document::new(PERSONAS_PATH, personas::to_json(&personas))];
        doors.serve(Arc::clone(app), documents, stop.clone())
    });
    let ended_well = join_all(served).await;
    drop(register_stop);
    tour.abort();
    let ended = apps.iter().zip(ended_well).map(|(app, ended)| cli::how_it_ended(app, ended));
    // All are told of; the first failure is that of the whole.
    ended.collect::<Vec<_>>().into_iter().collect()
}

/// Where the nodes are.
fn places(args: &SandboxArgs) -> Result<Vec<Place>, CliError> {
    let address = |port: u32| {
        let port = u16::try_from(port).map_err(|_| {
            CliError::Failed(format!("port {port} does not exist: take a lower --port"))
        })?;
        Ok::<_, CliError>(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    let port = u32::from(args.port);
    let place = |number: u16| {
        let first = port + u32::from(number) * NODE_OFFSET;
        Ok(Place {
            number,
            api: address(first)?,
            admin: address(first + ADMIN_OFFSET)?,
            population: address(port + POPULATION_OFFSET)?,
            issuer: address(port)?,
            redis: args.redis.clone().map(|url| (url, args.nodes)),
        })
    };
    (0..args.nodes).map(place).collect()
}

/// Starts a node, with clients and policies, and keeps others away from its data.
async fn start(place: &Place, folder: &Path) -> Result<Arc<App>, CliError> {
    place.write_config(folder)?;
    let config = Config::load(Some(&place.folder(folder).join("gateway.toml")))?;
    let hold = Store::hold(&config.store, &config.log.name).await?;
    let app = App::start(config, Clock::system(), Random::system()).await?;
    app.keep(hold);
    seed(&app).await?;
    Ok(app)
}

fn greet(places: &[Place], personas: usize) {
    let Place { api, admin, population, .. } = &places[0];
    println!(
        "Gateway sandbox: API http://{api}, admin http://{admin}, population database http://{population}"
    );
    for Place { number, api, admin, .. } in &places[1..] {
        println!("Node {number} shares its limits: API http://{api}, admin http://{admin}");
    }
    println!("98,000,000 people. Data in ./sandbox-data. Ctrl-C stops.");
    println!("{personas} personas, one for every answer: http://{api}{PERSONAS_PATH}");
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
async fn tour(
    apps: Vec<Arc<App>>,
    nation: Arc<Nation>,
    api: SocketAddr,
    stop: watch::Receiver<bool>,
) {
    if let Err(error) = show_around(&apps, &nation, api).await
        && !*stop.borrow()
    {
        eprintln!("gateway: {}", cli::sentence(&error));
    }
}

async fn show_around(
    apps: &[Arc<App>],
    nation: &Arc<Nation>,
    api: SocketAddr,
) -> Result<(), CliError> {
    let Some((app, others)) = apps.split_first() else { return Ok(()) };
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
    for other in others {
        secrets::share(app, other, &secrets).await?;
    }
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
