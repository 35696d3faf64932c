//! People on file, read from the sandbox's list or made up.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// Most bytes that are read from a file of people; the sandbox's thousand are under 1 MB.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A person with everything that the load asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Twelve digits.
    pub(crate) personal_id: String,
    /// The name on file.
    pub(crate) full_name: String,
    /// The whole date of birth, `1990-05-01`.
    pub(crate) date_of_birth: String,
    /// `male` or `female`.
    pub(crate) sex: String,
}

/// One line of the file; null or absent where nothing is on file.
#[derive(Deserialize)]
struct Line {
    personal_id: String,
    full_name: Option<String>,
    date_of_birth: Option<String>,
    sex: Option<String>,
    status: Option<String>,
}

/// Reads the living people whose name, whole birth date and sex are on file; about the others the
/// truth of a verification depends on more than the file says.
pub(crate) fn load_people(path: &Path) -> Result<Vec<Person>, Failure> {
    let unusable = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
    let mut people = Vec::new();
    for (number, line) in BufReader::new(file.take(FILE_BYTES_MAX)).lines().enumerate() {
        let line = line.map_err(|error| unusable(error.to_string()))?;
        let person: Line = serde_json::from_str(&line)
            .map_err(|error| unusable(format!("line {}: {error}", number + 1)))?;
        people.extend(complete(person));
    }
    if people.len() < 2 {
        return Err(unusable("fewer than two people with name, birth date and sex".to_owned()));
    }
    Ok(people)
}

fn complete(line: Line) -> Option<Person> {
    if line.status.as_deref() != Some("active") || line.personal_id.len() != 12 {
        return None;
    }
    let full_name = line.full_name.filter(|name| name.chars().all(belongs_in_a_name))?;
    let date_of_birth = line.date_of_birth.filter(|date| date.len() == "1990-05-01".len())?;
    Some(Person { personal_id: line.personal_id, full_name, date_of_birth, sex: line.sex? })
}

/// Leaves out names that were damaged on the way into the register: `?` is malformed as a claim.
fn belongs_in_a_name(letter: char) -> bool {
    letter.is_alphabetic() || letter == ' '
}

/// A thousand people whom no register knows, for systems that only send back what they were sent.
pub(crate) fn made_up_people() -> Vec<Person> {
    const FAMILY: [&str; 8] = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi"];
    const MIDDLE: [&str; 5] = ["Văn", "Thị", "Đức", "Ngọc", "Minh"];
    const GIVEN: [&str; 7] = ["Hoà", "Lan", "Hùng", "Thuỷ", "Dũng", "Ánh", "Sơn"];
    (0..1000)
        .map(|n| Person {
            personal_id: format!("0010{:02}{:06}", n % 100, 7919 * (n + 1) % 1_000_000),
            full_name: format!("{} {} {}", FAMILY[n % 8], MIDDLE[n % 5], GIVEN[n % 7]),
            date_of_birth: format!("19{:02}-{:02}-{:02}", n % 100, n % 12 + 1, n % 28 + 1),
            sex: if n % 2 == 0 { "male" } else { "female" }.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_living_people_with_a_whole_record_are_used() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let line = |name: &str, date: &str, status: &str| {
            format!(
                r#"{{"personal_id":"001090012345","full_name":{name},"date_of_birth":{date},
                "sex":"male","permanent_address":null,"status":"{status}"}}"#
            )
            .replace('\n', "")
        };
        let good = r#""Nguyễn Văn Hoà""#;
        let day = r#""1990-05-01""#;
        let lines = [
            line(good, day, "active"),
            line(good, day, "active"),
            line("null", day, "active"),
            line(good, r#""1990""#, "active"),
            line(good, day, "deceased"),
            line(r#""Nguy?n""#, day, "active"),
        ];
        file.write_all(lines.join("\n").as_bytes()).unwrap();
        let people = load_people(file.path()).unwrap();
        assert_eq!(people.len(), 2);
        assert_eq!(people[0].full_name, "Nguyễn Văn Hoà");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_a_usage_error() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(load_people(empty.path()).unwrap_err().exit_code(), 2);
        assert_eq!(load_people(Path::new("/nonexistent")).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn made_up_people_have_numbers_of_their_own() {
        let mut numbers: Vec<_> = made_up_people().into_iter().map(|p| p.personal_id).collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 1000);
        assert!(numbers.iter().all(|number| number.len() == 12));
    }
}
