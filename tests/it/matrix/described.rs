//! Routes as the OpenAPI documents describe them: nothing about a route is known from elsewhere.

use reqwest::Method;
use serde_json::Value;

use super::bodies;
use super::ids::{self, Asked};
use super::rights::{self, Row};

/// Which listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Api,
    Admin,
}

/// A parameter of the query.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) asked: Asked,
}

/// A described route.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) door: Door,
    pub(super) method: Method,
    /// Its path with names in braces.
    pub(super) path: String,
    pub(super) query: Vec<Parameter>,
    /// Fields of the head that name a request.
    pub(super) headers: Vec<String>,
    /// Media type and schema of the body.
    pub(super) body: Option<(String, String)>,
    /// Statuses that it may answer with.
    pub(super) statuses: Vec<u16>,
    /// What the document says is asked of the caller: the scheme, and the operations of a token.
    pub(super) security: Option<(String, Vec<String>)>,
    /// What the table says is asked of the caller.
    pub(super) row: &'static Row,
}

impl Route {
    /// Method and path.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Reads every route of a listener's description. Whatever the tests know too little of is told, all
/// at once: what it asks of the caller, what a good request is, whose things it names.
pub(super) fn read(door: Door, description: &Value) -> Result<Vec<Route>, Vec<String>> {
    let (mut routes, mut unknown) = (Vec::new(), Vec::new());
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let name = format!("{method} {path}");
            match read_route((door, method, path), operation) {
                Ok(route) => routes.push(route),
                Err(lacking) => unknown.push(format!("{name}: {lacking}")),
            }
        }
    }
    if unknown.is_empty() { Ok(routes) } else { Err(unknown) }
}

fn read_route(
    (door, method, path): (Door, Method, &str),
    operation: &Value,
) -> Result<Route, String> {
    let row = rights::find(&method, path).ok_or("RIGHTS does not say what it asks of a caller")?;
    let (mut query, mut headers) = (Vec::new(), Vec::new());
    let mut in_path = Vec::new();
    for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
        let name = parameter["name"].as_str().unwrap().to_owned();
        match parameter["in"].as_str().unwrap() {
            "path" => in_path.push(name),
            "query" => {
                let asked = ids::asked(path, &name)
                    .ok_or_else(|| format!("QUERY does not know the parameter {name}"))?;
                if parameter["required"] == true && matches!(asked, Asked::LeftOut) {
                    return Err(format!("QUERY has no value for {name}, which must be there"));
                }
                query.push(Parameter { name, asked });
            }
            "header" => {
                let names_a_request = ids::names_a_request(&name)
                    .ok_or_else(|| format!("HEADERS does not know {name}"))?;
                headers.extend(names_a_request.then_some(name));
            }
            place => return Err(format!("nothing is known of {name} in {place}")),
        }
    }
    for (before, name) in ids::names_in(path) {
        let known = ids::of_path(&before).ok_or_else(|| format!("PATHS does not know {before}"));
        known?;
        if !in_path.contains(&name) {
            return Err(format!("the document does not describe {name}"));
        }
    }
    let body = read_body(operation)?;
    let statuses = operation["responses"].as_object().unwrap().keys();
    let statuses = statuses.map(|status| status.parse().unwrap()).collect();
    let security = read_security(operation);
    Ok(Route { door, method, path: path.into(), query, headers, body, statuses, security, row })
}

fn read_body(operation: &Value) -> Result<Option<(String, String)>, String> {
    let Some(content) = operation["requestBody"]["content"].as_object() else { return Ok(None) };
    let (media_type, body) = content.iter().next().ok_or("its body is of no media type")?;
    let schema = body["schema"]["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let schema = schema.ok_or("its body has no schema of a name")?;
    if bodies::is_known(schema) {
        return Ok(Some((media_type.clone(), schema.to_owned())));
    }
    Err(format!("no good {schema} is known: write one in matrix/bodies.rs"))
}

fn read_security(operation: &Value) -> Option<(String, Vec<String>)> {
    let schemes = operation["security"].as_array()?.first()?.as_object()?;
    let (scheme, operations) = schemes.iter().next()?;
    let operations = operations.as_array()?.iter();
    let operations = operations.map(|name| name.as_str().unwrap().to_owned()).collect();
    Some((scheme.clone(), operations))
}
