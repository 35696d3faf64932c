//! Reads faults and holds them to their limits.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::plan::Shares;
use super::{Faults, FaultsError, LATENCY_MS_MAX, Misbehaviour, PEOPLE_MAX, PersonFaults};
use crate::digits::PersonalNumber;

/// What an object of faults can hold, at the top or for a person. One shape for both, because
/// serde cannot refuse unknown members of a shape that shares members with another.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Body {
    personal_id: Option<String>,
    latency_ms: u32,
    latency_jitter_ms: u32,
    error_rate: f64,
    error_status: u16,
    hang_rate: f64,
    garbage_rate: f64,
    outage: bool,
    for_people: Option<Vec<Object<Body>>>,
}

impl Default for Body {
    fn default() -> Self {
        let usual = Misbehaviour::default();
        Self {
            personal_id: None,
            latency_ms: usual.latency_ms,
            latency_jitter_ms: usual.latency_jitter_ms,
            error_rate: usual.error_rate,
            error_status: usual.error_status,
            hang_rate: usual.hang_rate,
            garbage_rate: usual.garbage_rate,
            outage: usual.outage,
            for_people: None,
        }
    }
}

/// Read from an object only: serde would take a list of values for one whose names are left out.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FromMap<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for FromMap<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(FromMap(PhantomData)).map(Self)
    }
}

impl Faults {
    /// Reads the body of `PUT /v1/faults`.
    ///
    /// # Errors
    /// When it is not one, or a value is beyond its limit.
    pub fn parse(json: &[u8]) -> Result<Self, FaultsError> {
        let Object(mut body): Object<Body> = serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            if error.is_data() {
                return FaultsError::NotFaults { line, column };
            }
            FaultsError::NotJson { line, column }
        })?;
        if body.personal_id.is_some() {
            return Err(value("", "personal_id", "within for_people only"));
        }
        let people = body.for_people.take().unwrap_or_default().into_iter().enumerate();
        let for_people = people
            .map(|(index, Object(person))| read_person(index, &person))
            .collect::<Result<_, _>>()?;
        let faults = Self { usual: read_misbehaviour(&body), for_people };
        faults.check()?;
        Ok(faults)
    }

    /// Holds faults to their limits, wherever they come from.
    pub(in super::super) fn check(&self) -> Result<(), FaultsError> {
        self.usual.check("")?;
        if self.for_people.len() > PEOPLE_MAX {
            return Err(FaultsError::TooManyPeople { people: self.for_people.len() });
        }
        let mut seen = HashSet::new();
        for (index, person) in self.for_people.iter().enumerate() {
            person.misbehaviour.check(&place_of(index))?;
            if !seen.insert(person.personal_id) {
                return Err(FaultsError::PersonTwice);
            }
        }
        Ok(())
    }
}

impl Misbehaviour {
    fn check(&self, place: &str) -> Result<(), FaultsError> {
        for (name, latency) in
            [("latency_ms", self.latency_ms), ("latency_jitter_ms", self.latency_jitter_ms)]
        {
            if latency > LATENCY_MS_MAX {
                return Err(value(place, name, "at most 60000"));
            }
        }
        for (name, rate) in [
            ("error_rate", self.error_rate),
            ("hang_rate", self.hang_rate),
            ("garbage_rate", self.garbage_rate),
        ] {
            if !(0.0..=1.0).contains(&rate) {
                return Err(value(place, name, "from 0 to 1"));
            }
        }
        if !(400..=599).contains(&self.error_status) {
            return Err(value(place, "error_status", "from 400 to 599"));
        }
        Shares::of(self).ok_or_else(|| FaultsError::Rates { place: place.to_owned() })?;
        Ok(())
    }
}

fn read_person(index: usize, body: &Body) -> Result<PersonFaults, FaultsError> {
    let place = place_of(index);
    if body.for_people.is_some() {
        return Err(value(&place, "for_people", "at the top only"));
    }
    let number = body.personal_id.as_deref().and_then(PersonalNumber::parse);
    let personal_id = number.ok_or_else(|| value(&place, "personal_id", "twelve digits"))?;
    Ok(PersonFaults { personal_id, misbehaviour: read_misbehaviour(body) })
}

fn read_misbehaviour(body: &Body) -> Misbehaviour {
    Misbehaviour {
        latency_ms: body.latency_ms,
        latency_jitter_ms: body.latency_jitter_ms,
        error_rate: body.error_rate,
        error_status: body.error_status,
        hang_rate: body.hang_rate,
        garbage_rate: body.garbage_rate,
        outage: body.outage,
    }
}

fn place_of(index: usize) -> String {
    format!("for_people[{index}].")
}

fn value(place: &str, name: &str, allowed: &'static str) -> FaultsError {
    FaultsError::Value { member: format!("{place}{name}"), allowed }
}
