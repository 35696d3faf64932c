//! Bodies of verifications.

use mock_population_db::{Nation, Person};
use serde_json::{Value, json};

/// A verification by the carrier about a number, with a name and a birth date.
pub fn about(personal_id: &str, full_name: &str, date_of_birth: &str) -> Value {
    json!({
        "subject": {"personal_id": personal_id},
        "purpose": "telecom.subscriber",
        "attributes": {"full_name": full_name, "date_of_birth": date_of_birth},
    })
}

/// A verification by the carrier that is true of this person.
pub fn about_person(person: &Person) -> Value {
    about(person.personal_id.as_str(), &person.full_name, &born(person))
}

/// The person's birth date as the API takes it.
pub fn born(person: &Person) -> String {
    person.date_of_birth.to_string()
}

/// `body` with the members of `changes` in place of its own; null takes a member away.
pub fn merge(body: &Value, changes: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (body, changes) else {
        return changes.clone();
    };
    let mut merged = old.clone();
    for (name, change) in new {
        if change.is_null() {
            merged.remove(name);
        } else {
            let before = old.get(name).unwrap_or(&Value::Null);
            merged.insert(name.clone(), merge(before, change));
        }
    }
    Value::Object(merged)
}

/// A number of the same province, sex and year that was never issued.
pub fn unissued_near(nation: &Nation, person: &Person) -> String {
    let cell = &person.personal_id.as_str()[..6];
    (0..1_000_000)
        .map(|serial| format!("{cell}{serial:06}"))
        .find(|number| nation.find(number).is_none())
        .expect("most numbers are free")
}
