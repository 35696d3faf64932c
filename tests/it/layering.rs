//! The shape of the gateway: who may name whom, and where the outside world is let in.
//!
//! Reads the sources as text. Tests within them and comments are left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The order of the `pub mod` lines in `gateway/src/lib.rs`: a module names only those before it.
const ORDER: [&str; 33] = [
    "clock",
    "hex",
    "config",
    "telemetry",
    "request",
    "store",
    "auth",
    "rate_limit",
    "policy",
    "population",
    "matching",
    "audit",
    "access",
    "projections",
    "reports",
    "alarms",
    "app",
    "asked",
    "verification",
    "history",
    "replay",
    "disputes",
    "batch",
    "jobs",
    "insurance",
    "lookup",
    "sync",
    "http",
    "console",
    "server",
    "cli",
    "sandbox",
    // `main.rs` and `lib.rs` have no name and come after all.
    "",
];

/// Who names a module below it all the same. This list may only shrink.
const EXCEPTIONS: [(&str, &str); 0] = [];

/// Where each part of the outside world is let in: words, and the modules that may say them.
const HOMES: [(&[&str], &[&str]); 4] = [
    (&["axum"], &["http", "console", "server"]),
    (&["sqlx"], &["store"]),
    (
        &["hyper::client", "hyper_util::client", "reqwest"],
        &["population::client", "sync::webhooks", "cli::client"],
    ),
    // The crate, not a field of that name.
    (&["::redis", "use redis"], &["rate_limit"]),
];

/// Modules without a world around them, and the words by which one would come in.
const PURE: [&str; 5] = ["policy", "matching", "audit::entry", "audit::tree", "audit::proof"];
const IMPURE_WORDS: [&str; 5] = ["async", "std::fs", "std::net", "tokio", "Clock"];

/// One source file of the gateway.
struct Source {
    /// Path of the module, such as `population::client`; empty for the crate's root.
    module: String,
    /// The program without tests and comments.
    text: String,
}

impl Source {
    fn top(&self) -> &str {
        self.module.split("::").next().unwrap_or("")
    }

    fn is_within(&self, module: &str) -> bool {
        self.module
            .strip_prefix(module)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/src")
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![folder()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.extend(read(&path));
            }
        }
    }
    assert!(sources.len() > 40, "the sources were found");
    sources
}

/// None for a file that holds tests only.
fn read(path: &Path) -> Option<Source> {
    let relative = path.strip_prefix(folder()).unwrap().with_extension("");
    let mut module: Vec<&str> = relative.iter().map(|part| part.to_str().unwrap()).collect();
    if module.last().is_some_and(|last| *last == "tests" || last.ends_with("_tests")) {
        return None;
    }
    if matches!(module.last(), Some(&"mod" | &"lib" | &"main")) {
        module.pop();
    }
    let text = fs::read_to_string(path).unwrap();
    // Tests are the last thing in a file.
    let program = text.split("\n#[cfg(test)]\n").next().unwrap();
    let lines = program.lines().filter(|line| !line.trim_start().starts_with("//"));
    Some(Source { module: module.join("::"), text: lines.collect::<Vec<_>>().join("\n") })
}

/// Whether `text` says `word` as a path or name of its own, not within a longer one.
fn says(text: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}

/// The modules at the top that `text` names through `crate::`, or through `super::` from a module
/// `depth` levels below the root.
fn named_modules(text: &str, depth: usize) -> BTreeSet<String> {
    let root_by_super = "super::".repeat(depth);
    let roots = ["crate::", root_by_super.as_str()];
    let mut named = BTreeSet::new();
    for root in roots.iter().filter(|root| !root.is_empty()) {
        for (start, _) in text.match_indices(root) {
            if text[..start].ends_with("super::") {
                continue;
            }
            let rest = &text[start + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => named.extend(first_names(list)),
                None => named.extend(leading_name(rest)),
            }
        }
    }
    named
}

/// The first name of each path in `a::b, c::{d, e}, f}`.
fn first_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut item) = (Vec::new(), 0, String::new());
    for character in list.chars() {
        match character {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(leading_name(&item));
                item.clear();
                continue;
            }
            _ => {}
        }
        item.push(character);
    }
    names.extend(leading_name(&item));
    names
}

fn leading_name(path: &str) -> Option<String> {
    let name: String =
        path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty() && name != "super").then_some(name)
}

#[test]
fn modules_stand_in_the_order_in_which_they_depend_on_each_other() {
    let root = fs::read_to_string(folder().join("lib.rs")).unwrap();
    let declared: Vec<&str> =
        root.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let in_order: Vec<&str> =
        ORDER.into_iter().filter(|module| declared.contains(module)).collect();
    assert_eq!(declared, in_order);
    assert!(!root.lines().any(|line| line.starts_with("mod ")), "every module is in the order");
}

#[test]
fn a_module_names_only_modules_above_it() {
    let place = |module: &str| ORDER.iter().position(|known| *known == module);
    let (mut violations, mut used) = (Vec::new(), BTreeSet::new());
    for source in sources() {
        let own = place(source.top()).unwrap_or_else(|| panic!("{} has no place", source.module));
        let depth = source.module.split("::").filter(|part| !part.is_empty()).count();
        for named in named_modules(&source.text, depth) {
            let Some(other) = place(&named) else { continue };
            let pair = (source.top(), named.as_str());
            if other <= own {
                continue;
            }
            match EXCEPTIONS.iter().find(|exception| **exception == pair) {
                Some(exception) => drop(used.insert(*exception)),
                None => violations.push(format!("{} names {named}", source.module)),
            }
        }
    }
    assert_eq!(violations, [""; 0]);
    assert_eq!(used, BTreeSet::from(EXCEPTIONS), "an exception that is not needed any more goes");
}

#[test]
fn each_part_of_the_outside_world_has_its_home() {
    for source in sources() {
        for (words, homes) in HOMES {
            let at_home = homes.iter().any(|home| source.is_within(home));
            for word in words {
                assert!(at_home || !says(&source.text, word), "{} says {word}", source.module);
            }
        }
    }
}

#[test]
fn what_an_auditor_reads_is_pure() {
    let sources = sources();
    for module in PURE {
        let mut within = sources.iter().filter(|source| source.is_within(module)).peekable();
        assert!(within.peek().is_some(), "{module} is there");
        for source in within {
            for word in IMPURE_WORDS {
                assert!(!says(&source.text, word), "{} says {word}", source.module);
            }
        }
    }
}

#[test]
fn the_reader_of_sources_finds_what_it_looks_for() {
    let text =
        "use crate::{app::App, store::{A, b}, reports};\ncrate::http::x(super::super::cli::y)";
    let named = named_modules(text, 2);
    assert_eq!(named, ["app", "cli", "http", "reports", "store"].map(String::from).into());
    assert!(says("use axum::body;", "axum") && !says("utoipa_axum::routes", "axum"));
    assert!(says("hyper::client::conn", "hyper::client") && !says("axum_extras", "axum"));
}
