//! The make-up of a nation beside the tables it was drawn from.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::oddities::{ODDITIES, Oddity};
use crate::tables;
use crate::{Nation, POPULATION, Sex};

/// People whose names are counted. The rest of the report counts everybody.
const SAMPLE: u64 = 500_000;

/// Family names listed: those with published shares.
const FAMILY_NAMES_LISTED: usize = 17;

/// Writes the report.
pub(crate) fn write(nation: &Nation, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{} people on {}\n", thousands(POPULATION), crate::AS_OF)?;
    ages(nation, out)?;
    provinces(nation, out)?;
    family_names(nation, out)?;
    oddities(nation, out)?;
    out.flush()
}

/// How often each oddity is met in a sample, beside how often it was planted.
fn oddities(nation: &Nation, out: &mut impl Write) -> io::Result<()> {
    let mut seen = [(0_u64, 0_u64); ODDITIES.len()];
    for ordinal in nation.sample_ordinals(SAMPLE) {
        let dossier = nation.dossier(ordinal);
        for (oddity, (with, of)) in ODDITIES.iter().zip(&mut seen) {
            if let Some(is_in) = (oddity.is_in)(nation, &dossier) {
                *with += u64::from(is_in);
                *of += 1;
            }
        }
    }
    writeln!(out, "\n{:<22}{:>12}{:>12}{:>9}", "oddity", "in sample", "per 10,000", "planted")?;
    for (oddity, (with, of)) in ODDITIES.iter().zip(seen) {
        let per_10_000 = percent(with, of) * 100.0;
        let Oddity { name, per_10_000: planted, .. } = oddity;
        writeln!(out, "{name:<22}{:>12}{per_10_000:>12.2}{planted:>9.0}", thousands(with))?;
    }
    Ok(())
}

fn ages(nation: &Nation, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<22}{:>12}{:>9}{:>9}{:>9}{:>9}",
        "age of the living", "people", "%", "table", "m/100f", "table"
    )?;
    let all = living(nation, |_| true);
    for group in tables::age_groups() {
        let males = living(nation, |cell| cell.sex == Sex::Male && group.has(cell.age()));
        let females = living(nation, |cell| cell.sex == Sex::Female && group.has(cell.age()));
        writeln!(
            out,
            "{:<22}{:>12}{:>9.2}{:>9.2}{:>9.1}{:>9}",
            format!("{} to {}", group.from, group.to),
            thousands(males + females),
            percent(males + females, all),
            f64::from(group.share) / 100.0,
            percent(males, females),
            group.males_per_100_females,
        )?;
    }
    let males = living(nation, |cell| cell.sex == Sex::Male);
    writeln!(
        out,
        "{:<22}{:>12}{:>9.2}{:>9}{:>9.1}",
        "all",
        thousands(all),
        100.0,
        "",
        percent(males, all - males),
    )?;
    writeln!(out, "{:<22}{:>12}\n", "the dead", thousands(POPULATION - all))
}

fn provinces(nation: &Nation, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:<22}{:>12}{:>9}{:>9}", "birth registered in", "people", "%", "table")?;
    for (index, province) in nation.provinces().iter().enumerate() {
        let people = people(nation, |cell| cell.registrar == index);
        writeln!(
            out,
            "{:<22}{:>12}{:>9.2}{:>9.2}",
            format!("{:03} {}", province.code, province.name),
            thousands(people),
            percent(people, POPULATION),
            f64::from(province.weight) / 1_000.0,
        )?;
    }
    writeln!(out)
}

fn family_names(nation: &Nation, out: &mut impl Write) -> io::Result<()> {
    let mut seen: HashMap<String, u64> = HashMap::new();
    for person in nation.sample(SAMPLE) {
        let first = person.full_name.split(' ').next().unwrap_or_default();
        *seen.entry(first.to_owned()).or_default() += 1;
    }
    let total: u32 = tables::family_names().map(|it| it.weight).sum();
    writeln!(out, "{:<22}{:>12}{:>9}{:>9}", "family name", "in sample", "%", "table")?;
    for family in tables::family_names().take(FAMILY_NAMES_LISTED) {
        let count = seen.get(family.name).copied().unwrap_or_default();
        writeln!(
            out,
            "{:<22}{:>12}{:>9.2}{:>9.2}",
            family.name,
            thousands(count),
            percent(count, SAMPLE),
            percent(family.weight.into(), total.into()),
        )?;
    }
    Ok(())
}

fn people(nation: &Nation, belongs: impl Fn(&crate::cells::Cell) -> bool) -> u64 {
    let cells = nation.cells();
    cells.iter().filter(belongs).map(|cell| u64::from(cells.size(cell))).sum()
}

fn living(nation: &Nation, belongs: impl Fn(&crate::cells::Cell) -> bool) -> u64 {
    let cells = nation.cells();
    cells.iter().filter(belongs).map(|cell| u64::from(cells.living(cell))).sum()
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole as f64
}

/// The number with a comma after every three digits.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234), "1,234");
        assert_eq!(thousands(98_000_000), "98,000,000");
    }
}
