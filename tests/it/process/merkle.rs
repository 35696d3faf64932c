//! Our roots and proofs beside those of an implementation that is not ours: `PyPI`'s pymerkle, which
//! `tests/run` installs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use gateway::audit::{
    Frontier, Hash, Subtree, TILE_WIDTH, TilePlace, consistency, inclusion, leaf_hash, tile_root,
};

use super::place::Place;
use super::programs::Ended;

/// Every size up to this is tried.
const ALL_SIZES: u64 = 2_050;
/// And so many chance ones up to a million.
const CHANCE_SIZES: usize = 10;
const LARGEST: u64 = 1_000_000;

/// A tree that has grown to its largest size: hashes by tile level, and roots by size as the writer
/// of a log makes them.
struct Grown {
    levels: Vec<Vec<Hash>>,
    roots: Vec<(u64, Hash)>,
}

impl Grown {
    fn to(sizes: &BTreeSet<u64>) -> Self {
        let largest = sizes.last().copied().unwrap_or(0);
        let (mut frontier, mut full) = (Frontier::default(), Vec::new());
        let mut leaves = Vec::new();
        let mut roots = Vec::new();
        for size in 0..=largest {
            if sizes.contains(&size) {
                roots.push((size, frontier.root()));
            }
            leaves.push(leaf_hash(&size.to_be_bytes()));
            frontier.append(leaves[leaves.len() - 1], &mut full);
        }
        let mut levels = vec![leaves];
        full.sort_by_key(|tile| (tile.level, tile.index));
        for tile in full {
            let above = usize::from(tile.level) + 1;
            levels.resize_with(levels.len().max(above + 1), Vec::new);
            levels[above].extend(tile_root(&tile.hashes));
        }
        Self { levels, roots }
    }

    fn tile(&self, place: TilePlace, size: u64) -> Option<&[Hash]> {
        let first = usize::try_from(place.index).ok()? * TILE_WIDTH;
        self.levels.get(usize::from(place.level))?.get(first..first + place.width(size))
    }

    fn line(&self, what: &str, size: u64, path: Option<Vec<Subtree>>) -> anyhow::Result<String> {
        let mut line = what.to_owned();
        for part in path.context("there is a proof")? {
            let hash = part.hash(|place| self.tile(place, size)).context("tiles are there")?;
            line += " ";
            hash.iter().try_for_each(|byte| write!(line, "{byte:02x}"))?;
        }
        Ok(line + "\n")
    }

    /// Roots of all sizes, and proofs for a spread of indexes and earlier sizes.
    fn lines(&self) -> anyhow::Result<(String, String)> {
        let (mut text, mut counts) = (String::new(), [0; 3]);
        let mut chance = Chance(1);
        for &(size, root) in &self.roots {
            let whole = Subtree::whole(size);
            let hash = whole.hash(|place| self.tile(place, size)).context("tiles are there")?;
            ensure!(hash == root, "tiles make the root of {size} that the writer signs");
            text += &self.line(&format!("root {size}"), size, Some(vec![whole]))?;
            counts[0] += 1;
            let indexes = [0, size / 2, size.saturating_sub(1), chance.below(size)];
            for index in indexes.into_iter().filter(|index| *index < size) {
                let what = format!("inclusion {index} {size}");
                text += &self.line(&what, size, inclusion(index, size))?;
                counts[1] += 1;
            }
            let below = size.checked_ilog2().map_or(0, |height| 1 << height);
            for from in [0, below, size.saturating_sub(1), chance.below(size), size] {
                let what = format!("consistency {from} {size}");
                text += &self.line(&what, size, consistency(from, size))?;
                counts[2] += 1;
            }
        }
        let [roots, inclusions, consistencies] = counts;
        Ok((text, format!("root={roots} inclusion={inclusions} consistency={consistencies}\n")))
    }
}

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 20) % limit.max(1)
    }
}

/// Python with pymerkle, in the folder of the build.
fn python() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let build = test.ancestors().nth(3).context("the test lies in the folder of the build")?;
    let python = build.join("interop-python/bin/python");
    ensure!(
        python.is_file(),
        "there is no {}: run tests/run --install-only, with the same CARGO_TARGET_DIR",
        python.display()
    );
    Ok(python)
}

async fn compare(place: &Place, text: &str) -> anyhow::Result<Ended> {
    fs::write(place.work().join("merkle.txt"), text)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/merkle.py");
    place.spawn(Command::new(python()?).arg(script).arg("merkle.txt"), "merkle")?.ended().await
}

#[tokio::test]
async fn roots_and_proofs_agree_with_another_implementation() -> anyhow::Result<()> {
    let place = Place::new()?;
    let mut chance = Chance(6_962);
    let sizes = (0..=ALL_SIZES).chain((0..CHANCE_SIZES).map(|_| chance.below(LARGEST)));
    let grown = Grown::to(&sizes.collect());
    ensure!(grown.roots.len() == 2_051 + CHANCE_SIZES, "the chance sizes differ");
    let (text, counted) = grown.lines()?;
    let ended = compare(&place, &text).await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    ensure!(ended.stdout == counted, "{} of {counted}", ended.stdout);
    Ok(())
}

#[tokio::test]
async fn the_comparison_sees_a_wrong_hash() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (text, _) = Grown::to(&[7].into()).lines()?;
    for (number, line) in text.lines().enumerate() {
        let spoiled = match line.rsplit_once(' ').filter(|(_, hash)| hash.len() == 64) {
            Some((front, hash)) => format!("{front} {}{}\n", &hash[2..], &hash[..2]),
            None => format!("{line} {}\n", "00".repeat(32)),
        };
        let ended = compare(&place, &spoiled).await?;
        ensure!(ended.status.code() == Some(1), "line {number}: {line} {}", ended.stdout);
    }
    Ok(())
}
